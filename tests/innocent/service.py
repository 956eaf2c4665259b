"""The seven operations. Each is one transaction; a fault overrides one of the small methods."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.innocent import shown
from tests.innocent.answers import RefusalError, Reply
from tests.innocent.paging import Keyset, wanted
from tests.innocent.queue import Queue, new_id
from tests.innocent.store import Store, wall_clock
from tests.innocent.uploads import file_of, row, rows_of

RETRYABLE = ("messages_enqueued", "messages_enqueuing_failed")
#: Attempts that a message may have, the first among them: the stricter reading of the limit.
MOST_ATTEMPTS = 3
NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
NOT_FAILED = "message_not_found_or_retry_message_not_in_failure_status"


@dataclass(frozen=True)
class Request:
    """What came over HTTP; ``path`` is below the base path, still encoded, without its query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Service:
    """The API over a store and a queue.

    :param keys: API keys by campaign; :param most_rows: of one Batch Send.
    """

    pages = Keyset()

    def __init__(self, store: Store, queue: Queue, keys: Mapping[str, str], most_rows: int) -> None:
        self.store = store
        self.queue = queue
        self._most_rows = most_rows
        with store.writing() as db:
            db.executemany("INSERT INTO campaign VALUES (?, ?)", keys.items())
        of_campaign = r"/campaigns/(?P<campaign>[^/]+)"
        routes: Sequence[tuple[str, str, Callable[..., Reply]]] = (
            ("POST", "/batch/messages", self.send_batch),
            ("POST", "/batch/(?P<name>[^/]+)/retry", self.retry_batch),
            ("GET", "/batch/(?P<name>[^/]+)/messages", self.list_batch),
            ("POST", "/messages", self.send_one),
            ("GET", "/messages", self.list_campaign),
            ("POST", "/messages/(?P<name>[^/]+)/retry", self.retry_one),
            ("GET", "/messages/(?P<name>[^/]+)", self.read_one),
        )
        self._routes = [(method, re.compile(of_campaign + path), do) for method, path, do in routes]

    def answer(self, request: Request) -> Reply:
        """The answer to a request."""
        try:
            self._authenticate(request)
            matches = [(m, found, do) for m, p, do in self._routes if (found := p.fullmatch(request.path))]
            if not matches:
                raise RefusalError(404, "invalid_path", "there is nothing at this path")
            for method, found, do in matches:
                if method == request.method:
                    ids = {key: unquote(value) for key, value in found.groupdict().items()}
                    self.authorize(request, ids["campaign"])
                    return do(request, **ids)
            raise RefusalError(405, "method_not_allowed", "this method is not allowed here")
        except RefusalError as refusal:
            return refusal.reply

    # -- keys

    def key(self, request: Request) -> str | None:
        """The key that a request brings."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key.strip(" ") if scheme.lower() == "bearer" and key.strip(" ") else None

    def owner(self, key: str) -> str | None:
        """The campaign of a key."""
        with self.store.reading() as db:
            found = db.execute("SELECT id FROM campaign WHERE api_key = ?", [key]).fetchone()
        return found["id"] if found else None

    def _authenticate(self, request: Request) -> None:
        key = self.key(request)
        if key is None:
            raise RefusalError(401, "authentication_required", "an API key is required")
        if self.owner(key) is None:
            raise RefusalError(401, "invalid_api_key_provided", "the API key is invalid")

    def authorize(self, request: Request, campaign: str) -> None:
        """Let only a campaign's own key at it.

        :raises RefusalError: it is another's.
        """
        if self.owner(self.key(request) or "") != campaign:
            raise RefusalError(403, "permission_denied", "the API key is not of this campaign")

    # -- sending

    def send_batch(self, request: Request, campaign: str) -> Reply:
        """Batch Send."""
        name, content = file_of(request.headers.get("content-type", ""), request.body)
        rows = rows_of(content, self._most_rows)
        batch, now = new_id("batch"), wall_clock()
        with self.store.writing() as db:
            db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, 'processing', ?, ?, ?)",
                [batch, campaign, name, len(rows), now, now],
            )
            db.executemany(
                "INSERT INTO upload VALUES (?, ?, ?, ?, ?)",
                [(batch, line, r.recipient, r.language, r.params) for line, r in enumerate(rows)],
            )
            self.queue.put(db, "import", batch, 0.03)
        return Reply(201, {"isValid": True, "batchId": batch})

    def send_one(self, request: Request, campaign: str) -> Reply:
        """Single Send."""
        try:
            said = json.loads(request.body)
        except ValueError:
            said = None
        said = said if isinstance(said, dict) else {}
        sent = row(said.get("recipient"), said.get("language"), said.get("values"))
        message, now = new_id("message"), wall_clock()
        with self.store.writing() as db:
            db.execute(
                "INSERT INTO message VALUES (?, ?, NULL, ?, ?, ?, ?)",
                [message, campaign, sent.recipient, sent.language, sent.params, now],
            )
            self.queue.attempt(db, message, 1, now)
            return Reply(201, shown.by_itself(db, self.message(db, campaign, message)))

    # -- reading

    def list_batch(self, request: Request, campaign: str, name: str) -> Reply:
        """Retrieve Batch."""
        page = wanted(request.query)
        with self.store.reading() as db:
            self.batch(db, campaign, name, RefusalError(404, "batch_not_found", "there is no such batch"))
            rows, data = self.pages.rows(db, "batch_id", name, page)
            return Reply(200, {"data": [shown.in_listing(db, r) for r in rows], "pageData": data})

    def list_campaign(self, request: Request, campaign: str) -> Reply:
        """Retrieve Campaign Messages."""
        page = wanted(request.query)
        with self.store.reading() as db:
            rows, data = self.pages.rows(db, "campaign_id", campaign, page)
            return Reply(200, {"data": [self.in_campaign(db, r) for r in rows], "pageData": data})

    def in_campaign(self, db: sqlite3.Connection, found: sqlite3.Row) -> dict[str, Any]:
        """A message in its campaign's listing."""
        return shown.in_campaign(db, found)

    def read_one(self, request: Request, campaign: str, name: str) -> Reply:
        """Retrieve Message."""
        with self.store.reading() as db:
            return Reply(200, shown.by_itself(db, self.message(db, campaign, name)))

    def batch(self, db: sqlite3.Connection, campaign: str, name: str, otherwise: RefusalError) -> sqlite3.Row:
        """The batch of a campaign.

        :raises RefusalError: ``otherwise``, if there is none.
        """
        found: sqlite3.Row | None = db.execute(
            "SELECT * FROM batch WHERE id = ? AND campaign_id = ?", [name, campaign]
        ).fetchone()
        if found is None:
            raise otherwise
        return found

    def message(self, db: sqlite3.Connection, campaign: str, name: str) -> sqlite3.Row:
        """The message of a campaign, as ``latest`` has it.

        :raises RefusalError: 404, if there is none.
        """
        query = "SELECT * FROM latest WHERE id = ? AND campaign_id = ?"
        found: sqlite3.Row | None = db.execute(query, [name, campaign]).fetchone()
        if found is None:
            raise RefusalError(404, "message_not_found", "there is no such message")
        return found

    # -- Batch Send - Retry

    def retry_batch(self, request: Request, campaign: str, name: str) -> Reply:
        """Batch Send - Retry."""
        refusal: RefusalError | None = None
        with self.store.writing() as db:
            self.retryable(db, campaign, name)
            if self.unresolved(db, name):
                # Raised behind the transaction, which has to keep the status.
                refusal = self.refuse(db, name)
            else:
                self.carry_out(db, name, self.failed(db, name))
        if refusal is not None:
            raise refusal
        return Reply(201)

    def retryable(self, db: sqlite3.Connection, campaign: str, name: str) -> None:
        """Refuse a batch that is none, or is being processed.

        :raises RefusalError: it cannot be retried now.
        """
        no = RefusalError(400, NOT_RETRYABLE, "the batch does not exist or cannot be retried")
        if self.batch(db, campaign, name, no)["state"] not in RETRYABLE:
            raise no

    def unresolved(self, db: sqlite3.Connection, name: str) -> bool:
        """True if a message of the batch is ``created``."""
        query = "SELECT 1 FROM latest WHERE batch_id = ? AND status = 'created' LIMIT 1"
        return db.execute(query, [name]).fetchone() is not None

    def refuse(self, db: sqlite3.Connection, name: str) -> RefusalError:
        """Mark a batch of which a retry is blocked, and return the refusal."""
        self.set_state(db, name, "messages_enqueuing_failed")
        return RefusalError(400, "unresolved_batch_messages", "messages of the batch are not resolved yet")

    def failed(self, db: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
        """The messages that a retry picks up.

        :raises RefusalError: there is none.
        """
        query = "SELECT * FROM latest WHERE batch_id = ? AND status = 'failure' AND number < ? ORDER BY created, id"
        found = db.execute(query, [name, MOST_ATTEMPTS]).fetchall()
        if not found:
            raise RefusalError(400, "no_failed_batch_messages_to_retry", "no message of the batch can be retried")
        return found

    def carry_out(self, db: sqlite3.Connection, name: str, failed: Sequence[sqlite3.Row]) -> None:
        """Give each of these messages a new attempt, and the batch to the queue."""
        for found in failed:
            self.queue.attempt(db, found["id"], found["number"] + 1, wall_clock())
        self.set_state(db, name, "processing")
        self.queue.put(db, "enqueued", name, 0.1)

    def set_state(self, db: sqlite3.Connection, name: str, state: str) -> None:
        """Set the status of a batch."""
        db.execute("UPDATE batch SET state = ?, changed = ? WHERE id = ?", [state, wall_clock(), name])

    # -- Single Send - Retry

    def retry_one(self, request: Request, campaign: str, name: str) -> Reply:
        """Single Send - Retry."""
        no = RefusalError(400, NOT_FAILED, "the message does not exist or has not failed")
        with self.store.writing() as db:
            try:
                found = self.message(db, campaign, name)
            except RefusalError:
                raise no from None
            batch = found["batch_id"]
            ready = batch is None or self.batch(db, campaign, batch, no)["state"] in RETRYABLE
            if not ready or found["status"] != "failure":
                raise no
            if found["number"] >= MOST_ATTEMPTS:
                raise RefusalError(400, "too_many_message_attempts_error", "the message was retried too often")
            self.queue.attempt(db, name, found["number"] + 1, wall_clock())
            return Reply(201, shown.by_itself(db, self.message(db, campaign, name)))
