CREATE TABLE campaign (id TEXT PRIMARY KEY, api_key TEXT NOT NULL UNIQUE);
CREATE TABLE batch (
    id TEXT PRIMARY KEY,
    campaign_id TEXT NOT NULL REFERENCES campaign (id),
    file_name TEXT NOT NULL,
    state TEXT NOT NULL,
    size INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL
);
-- Rows of an upload that the queue has not made messages of yet.
CREATE TABLE upload (
    batch_id TEXT NOT NULL REFERENCES batch (id),
    line INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    language TEXT NOT NULL,
    params TEXT NOT NULL,
    PRIMARY KEY (batch_id, line)
);
CREATE TABLE message (
    id TEXT PRIMARY KEY,
    campaign_id TEXT NOT NULL REFERENCES campaign (id),
    batch_id TEXT REFERENCES batch (id),
    recipient TEXT NOT NULL,
    language TEXT NOT NULL,
    params TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX message_of_batch ON message (batch_id, created, id);
CREATE INDEX message_of_campaign ON message (campaign_id, created, id);
CREATE TABLE attempt (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES message (id),
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    sent INTEGER,
    delivered INTEGER,
    UNIQUE (message_id, number)
);
-- The newest attempt of a message is the one with the highest number; a message's status is that attempt's.
CREATE VIEW latest AS
    SELECT m.*, a.id AS attempt_id, a.number, a.status, a.changed
    FROM message AS m JOIN attempt AS a ON a.message_id = m.id
    WHERE a.number = (SELECT max(number) FROM attempt WHERE message_id = m.id);
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    due REAL NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE INDEX job_due ON job (due, id);
