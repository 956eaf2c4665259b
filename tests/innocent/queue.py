"""Workers: threads that take jobs from the database, each in one transaction with what it does."""

from __future__ import annotations

import heapq
import json
import random
import sqlite3
import threading
import time
import uuid

from tests.innocent.store import Store, transaction, wall_clock

#: Microseconds by which the workers' clock is ahead of the clock of those who serve requests.
AHEAD = 23_000
#: Messages that one job makes of an upload, or queues.
CHUNK = 7
#: Seconds after which an idle worker looks again, whatever it was told.
NAP = 0.25
#: What becomes of an attempt, with the part of a delivery that each status lasts.
COURSE = {
    "created": ("enqueued", 0.4),
    "enqueued": ("sending", 0.15),
    "sending": ("sent", 0.15),
    "sent": ("sent_to_telco", 0.1),
    "sent_to_telco": ("", 0.2),
}
#: Contract, section 1: numbers of the simulator.
ERRORS = {
    "6511111111": "delivery_error/recipient_invalid",
    "6511112222": "delivery_error/recipient_unavailable",
    "6511113333": "delivery_error/content_invalid",
    "6511114444": "delivery_error/routing_error",
    "6511115555": "delivery_error/message_expired",
    "6511119999": "delivery_error/delivery_unknown_error",
    "6522222222": "server_error/server_unknown_error",
}
#: Numbers that no exchange can dial, by what becomes of them.
SUCCEEDING, PENDING, RECOVERING = ("6500000021", "6500000022"), ("6500000023",), ("6500000024",)


def error_of(recipient: str, number: int) -> str | None:
    """How attempt ``number`` to this recipient fails; None if it is delivered."""
    if recipient in RECOVERING:
        return "delivery_error/recipient_unavailable" if number == 1 else None
    return ERRORS.get(recipient)


class Queue:
    """The queue and its workers, from ``start`` to ``stop``.

    :param delivery: seconds that an attempt takes, more or less.
    """

    def __init__(self, store: Store, *, delivery: float, seed: int, workers: int = 3) -> None:
        self._store = store
        self.delivery = delivery
        self._random = random.Random(seed)
        self._changed = threading.Condition()
        #: When jobs are due, those too whose transactions have not ended: what tells workers to look.
        self._due: list[float] = []
        self._over = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the job in hand."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def put(self, db: sqlite3.Connection, kind: str, subject: str, part: float) -> None:
        """Have a job done after this part of a delivery, if the transaction of ``db`` comes to its end."""
        due = time.monotonic() + part * self.delivery * self._random.uniform(0.85, 1.15)
        db.execute("INSERT INTO job (due, kind, subject) VALUES (?, ?, ?)", [due, kind, subject])
        with self._changed:
            heapq.heappush(self._due, due)
            self._changed.notify()

    def _work(self) -> None:
        with self._store.connected() as db:
            while self._wait():
                taken = True
                while taken:
                    with transaction(db, "BEGIN IMMEDIATE"):
                        taken = self._do_one(db)

    def _wait(self) -> bool:
        """Wait until a job may be due, or a while has passed; False if the work is over."""
        with self._changed:
            wait = min(self._due[0] - time.monotonic(), NAP) if self._due else NAP
            if wait > 0 and not self._over:
                self._changed.wait(wait)
            while self._due and self._due[0] <= time.monotonic():
                heapq.heappop(self._due)
            return not self._over

    def _do_one(self, db: sqlite3.Connection) -> bool:
        taken = db.execute(
            "DELETE FROM job WHERE id = (SELECT id FROM job WHERE due <= ? ORDER BY due, id LIMIT 1) "
            "RETURNING kind, subject",
            [time.monotonic()],
        ).fetchall()
        for kind, subject in taken:
            {"import": self.import_rows, "enqueued": self.enqueued, "move": self.move}[kind](db, subject)
        return bool(taken)

    def import_rows(self, db: sqlite3.Connection, batch_id: str) -> None:
        """Make messages of the next rows of an upload; when none is left, the batch is enqueued."""
        now = wall_clock() + AHEAD
        rows = db.execute("SELECT * FROM upload WHERE batch_id = ? ORDER BY line LIMIT ?", [batch_id, CHUNK]).fetchall()
        campaign = db.execute("SELECT campaign_id FROM batch WHERE id = ?", [batch_id]).fetchone()[0]
        for row in rows:
            message = new_id("message")
            db.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)",
                [message, campaign, batch_id, row["recipient"], row["language"], row["params"], now],
            )
            self.attempt(db, message, 1, now)
        db.executemany("DELETE FROM upload WHERE batch_id = ? AND line = ?", [(batch_id, r["line"]) for r in rows])
        left = db.execute("SELECT 1 FROM upload WHERE batch_id = ? LIMIT 1", [batch_id]).fetchone()
        self.put(db, "import" if left else "enqueued", batch_id, 0.03)

    def attempt(self, db: sqlite3.Connection, message_id: str, number: int, now: int) -> None:
        """Begin an attempt."""
        row = [new_id("attempt"), message_id, number, "created", now, now]
        db.execute("INSERT INTO attempt (id, message_id, number, status, created, changed) VALUES (?,?,?,?,?,?)", row)
        self.put(db, "move", json.dumps([row[0], "created"]), COURSE["created"][1])

    def enqueued(self, db: sqlite3.Connection, batch_id: str) -> None:
        """Let a batch be retried that was being processed."""
        change = "UPDATE batch SET state = 'messages_enqueued', changed = ? WHERE id = ? AND state = 'processing'"
        db.execute(change, [wall_clock() + AHEAD, batch_id])

    def move(self, db: sqlite3.Connection, subject: str) -> None:
        """Move an attempt on to its next status."""
        attempt_id, status = json.loads(subject)
        now = wall_clock() + AHEAD
        query = "SELECT a.number, m.recipient FROM attempt AS a JOIN message AS m ON m.id = a.message_id WHERE a.id = ?"
        number, recipient = db.execute(query, [attempt_id]).fetchone()
        following, error, sent, delivered = COURSE[status][0], None, None, None
        if not following:
            error = error_of(recipient, number)
            following, delivered = ("failure", None) if error else ("success", now)
        if following == "sent":
            sent = now
        db.execute(
            "UPDATE attempt SET status = ?, changed = ?, error = ?, sent = coalesce(sent, ?), delivered = ? "
            "WHERE id = ? AND status = ?",
            [following, now, error, sent, delivered, attempt_id, status],
        )
        stays = following == "sent_to_telco" and recipient in PENDING
        if following in COURSE and not stays:
            self.put(db, "move", json.dumps([attempt_id, following]), COURSE[following][1])


def new_id(prefix: str) -> str:
    """An id that nobody can guess."""
    return f"{prefix}_{uuid.uuid4()}"
