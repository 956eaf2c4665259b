"""What goes wrong in an implementation of this kind: one override each."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.innocent import shown
from tests.innocent.answers import RefusalError, Reply
from tests.innocent.paging import Key, Keyset
from tests.innocent.queue import CHUNK
from tests.innocent.service import Request, Service
from tests.innocent.store import wall_clock


class ChecksInAnotherTransaction(Service):
    """The retry is checked in one transaction and carried out in another: two at once both pass the check."""

    def retry_batch(self, request: Request, campaign: str, name: str) -> Reply:
        with self.store.reading() as db:
            self.retryable(db, campaign, name)
            blocked = self.unresolved(db, name)
            failed = [] if blocked else self.failed(db, name)
        if not blocked:
            # What a slower database takes between the two.
            time.sleep(0.01)
            with self.store.writing() as db:
                self.carry_out(db, name, [self.message(db, campaign, found["id"]) for found in failed])
            return Reply(201)
        with self.store.writing() as db:
            refusal = self.refuse(db, name)
        raise refusal


class RollsTheStatusBack(Service):
    """The refusal of a blocked retry is raised inside the transaction, which takes the status back with it."""

    def refuse(self, db: sqlite3.Connection, name: str) -> RefusalError:
        raise super().refuse(db, name)


class _CreatedOnly(Keyset):
    key, bound = "created", "?"

    def values(self, position: Key) -> tuple[object, ...]:
        return (position[0],)


class PagesByTheTimeAlone(Service):
    """A cursor's id is not compared: of messages made at the same instant, a page's end loses the rest."""

    pages = _CreatedOnly()


class OneChunkOnly(Service):
    """A retry enqueues one chunk, and nothing asks for the next."""

    def carry_out(self, db: sqlite3.Connection, name: str, failed: Sequence[sqlite3.Row]) -> None:
        super().carry_out(db, name, failed[:CHUNK])


class SummariesStayBehind(Service):
    """The campaign's listing shows statuses from a table of its own, which no retry updates."""

    def in_campaign(self, db: sqlite3.Connection, found: sqlite3.Row) -> dict[str, Any]:
        whole = super().in_campaign(db, found)
        if found["number"] > 1:
            first = shown.attempts_of(db, found["id"])[0]
            whole |= {"latestStatus": first["status"], "updatedAt": shown.moment(first["changed"])}
        return whole


class AnyCampaignsBatch(Service):
    """A batch is looked up by its id alone."""

    def batch(self, db: sqlite3.Connection, campaign: str, name: str, otherwise: RefusalError) -> sqlite3.Row:
        found: sqlite3.Row | None = db.execute("SELECT * FROM batch WHERE id = ?", [name]).fetchone()
        if found is None:
            raise otherwise
        return found


class JoinsByRecipient(Service):
    """A retry joins failed messages to attempts by recipient: an exhausted message to the same number comes along."""

    def carry_out(self, db: sqlite3.Connection, name: str, failed: Sequence[sqlite3.Row]) -> None:
        numbers = {found["recipient"] for found in failed}
        rows = db.execute("SELECT * FROM latest WHERE batch_id = ?", [name]).fetchall()
        super().carry_out(db, name, [found for found in rows if found["recipient"] in numbers])


class MarksTheNewestBatch(Service):
    """A retry of a batch marks the campaign's newest batch, not its own."""

    def set_state(self, db: sqlite3.Connection, name: str, state: str) -> None:
        query = (
            "UPDATE batch SET state = ?, changed = ? WHERE id = (SELECT id FROM batch ORDER BY created DESC LIMIT 1)"
        )
        db.execute(query, [state, wall_clock()])


@dataclass(frozen=True)
class Planted:
    """A service that is wrong, and requirements of which at least one must be seen to fail; ``also`` may be named too."""

    service: type[Service]
    breaks: tuple[str, ...]
    also: tuple[str, ...] = ()


FAULTS: Mapping[str, Planted] = {
    "checks-in-another-transaction": Planted(
        ChecksInAnotherTransaction, ("BR-CON-01", "BR-SEL-08"), ("BR-SEL-05", "BR-CON-03", "BR-SEL-04", "BR-SGL-01")
    ),
    "rolls-the-status-back": Planted(RollsTheStatusBack, ("BR-BLK-02",)),
    "pages-by-the-time-alone": Planted(PagesByTheTimeAlone, ("BR-IDS-05",), ("BR-IDS-01",)),
    "one-chunk-only": Planted(OneChunkOnly, ("BR-SEL-01",)),
    "summaries-stay-behind": Planted(SummariesStayBehind, ("BR-IDS-07",), ("BR-SEL-03",)),
    "any-campaigns-batch": Planted(AnyCampaignsBatch, ("BR-SEC-03",)),
    "joins-by-recipient": Planted(JoinsByRecipient, ("BR-SEL-02", "BR-SEL-09", "BR-SEL-04"), ("BR-SEL-08",)),
    "marks-the-newest-batch": Planted(
        MarksTheNewestBatch, ("BR-BLK-02", "BR-ACC-01"), ("BR-SEL-10", "BR-ACC-02", "BR-ACC-06", "BR-ERR-01")
    ),
}
