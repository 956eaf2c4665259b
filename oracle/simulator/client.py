"""Clients of ours: scripts that send, read and retry, several at once, in the order and at the times that a seed gives.

A script is a generator: it yields seconds to wait, or requests (several are sent at once), and is resumed with the
exchanges that came of them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from random import Random
from typing import Any

from conformance.history.records import Exchange, Role, Row
from oracle.simulator.probes import probe
from oracle.simulator.target import CAMPAIGN, Target
from oracle.simulator.wire import Wire

Requests = Sequence[dict[str, Any]]
Script = Generator[float | Requests, list[Exchange], None]

#: The documented numbers that fail, and tokens of testers' numbers.
RECIPIENTS: Mapping[Role, tuple[str, ...]] = {
    "failing": ("6511111111", "6511112222", "6511113333"),
    "succeeding": ("recipient:5f1c0001",),
    "pending": ("recipient:5f1c0002",),
    "recovering": ("recipient:5f1c0003",),
}
LANGUAGES = ("english", "chinese", "malay", "tamil")
CAMPAIGN_PATH = f"/campaigns/{CAMPAIGN}"


@dataclass
class Sent:
    """A batch as the client knows it: its id and the messages that reads have shown."""

    id: str
    rows: int
    known: list[str] = field(default_factory=list)


class Client:
    """What the scripts do, and the run that drives them."""

    def __init__(self, target: Target, wire: Wire, rng: Random) -> None:
        self.target = target
        self.wire = wire
        self.rng = rng
        self.nonces = 0
        self.races = 0
        self.running = 0
        #: Every batch that a script made.
        self.sent: list[Sent] = []

    # ------------------------------------------------------------------ driving

    def start(self, script: Script, at: float = 0.0) -> None:
        """Let a script run from then on."""
        self.running += 1
        self.target.clock.at(self.target.clock.now + at, partial(self._resume, script, None))

    def _resume(self, script: Script, result: list[Exchange] | None) -> None:
        try:
            asked = next(script) if result is None else script.send(result)
        except StopIteration:
            self.running -= 1
            return
        if isinstance(asked, int | float):
            self.target.clock.at(self.target.clock.now + asked, partial(self._resume, script, []))
        elif len(self.wire.exchanges) + len(asked) > self.wire.most:
            script.close()
            self.running -= 1
        else:
            self._send(script, asked)

    def _send(self, script: Script, asked: Requests) -> None:
        done: dict[int, Exchange] = {}
        left = len(asked)

        def came(place: int, exchange: Exchange) -> None:
            nonlocal left
            done[place] = exchange
            left -= 1
            if not left:
                self._resume(script, [done[i] for i in range(len(asked))])

        if len(asked) > 1:
            self.races += 1
        # A client takes a moment from one answer to the next request.
        begun = self.target.clock.now + self.rng.uniform(0.0001, 0.001)
        for place, request in enumerate(asked):
            race = {"race": self.races} if len(asked) > 1 else {}
            at = begun + place * 0.0005
            self.target.clock.at(at, partial(self.wire.ask, request | race, partial(came, place)))

    # ------------------------------------------------------------------ requests

    def row(self, role: Role, recipient: str | None = None) -> Row:
        self.nonces += 1
        nonce = f"{self.nonces:08x}"
        language = self.rng.choice(LANGUAGES) if self.target.habits.languages else "english"
        text = self.rng.choice(["plain", "<b>bold</b> & more", "two  blanks\nand a line"])
        return Row(
            recipient=recipient or self.rng.choice(RECIPIENTS[role]), role=role, language=language,
            values={"body": f"{text} [n:{nonce}]"}, nonce=nonce,
        )  # fmt: skip

    def rows(self, roles: str) -> tuple[Row, ...]:
        letters: dict[str, Role] = {"F": "failing", "S": "succeeding", "P": "pending", "R": "recovering"}
        return tuple(self.row(letters[letter]) for letter in roles)

    def roles(self, most: int = 4) -> str:
        return "".join(self.rng.choice("FFFFSRP") for _ in range(self.rng.randint(1, most)))

    def send(self, roles: str, rows: tuple[Row, ...] = ()) -> Requests:
        rows = rows or self.rows(roles)
        return [self._post("batch_send", f"{CAMPAIGN_PATH}/batch/messages", rows=rows, charge=len(rows))]

    def send_one(self, role: Role) -> Requests:
        return [self._post("single_send", f"{CAMPAIGN_PATH}/messages", rows=(self.row(role),), charge=1)]

    def retry(self, sent: Sent, cause: str | None = None) -> dict[str, Any]:
        if cause is not None:
            return probe(cause, sent.id) | {"charge": sent.rows}
        path = f"{CAMPAIGN_PATH}/batch/{sent.id}/retry"
        return self._post("batch_retry", path, batch=sent.id, charge=sent.rows)

    def single(self, message: str) -> dict[str, Any]:
        return self._post("single_retry", f"{CAMPAIGN_PATH}/messages/{message}/retry", message=message, charge=1)

    def read(self, message: str) -> dict[str, Any]:
        path = f"{CAMPAIGN_PATH}/messages/{message}"
        return {"operation": "message_read", "method": "GET", "path": path, "message": message}

    def page(self, sent: Sent | None, limit: int = 20, **cursor: str) -> dict[str, Any]:
        query = (("limit", str(limit)), *cursor.items())
        if sent is None:
            path = f"{CAMPAIGN_PATH}/messages"
            return {"operation": "campaign_list", "method": "GET", "path": path, "query": query}
        path = f"{CAMPAIGN_PATH}/batch/{sent.id}/messages"
        return {"operation": "batch_list", "method": "GET", "path": path, "query": query, "batch": sent.id}

    def other_page(self) -> dict[str, Any]:
        """A read of the other campaign with its key, which shows that there is one."""
        asked = self.page(None, 1)
        return asked | {"campaign": "campaign_B", "auth": "other", "path": "/campaigns/campaign_B/messages"}

    def _post(self, operation: str, path: str, **more: Any) -> dict[str, Any]:
        return {"operation": operation, "method": "POST", "path": path, **more}

    # ------------------------------------------------------------------ parts of scripts

    def made(self, roles: str, rows: tuple[Row, ...] = ()) -> Generator[float | Requests, list[Exchange], Sent | None]:
        """Send a batch; None if its answer was lost."""
        (exchange,) = yield self.send(roles, rows)
        body = exchange.end.body
        if not exchange.accepted or not isinstance(body, dict):
            return None
        sent = Sent(id=body["batchId"], rows=len(rows) or len(roles))
        self.sent.append(sent)
        return sent

    def listed(self, sent: Sent, limit: int = 20) -> Script:
        """Walk through the batch's listing, and learn its messages."""
        after: dict[str, str] = {}
        for _ in range(12):
            (exchange,) = yield [self.page(sent, limit, **after)]
            body = exchange.end.body
            if exchange.status != 200 or not isinstance(body, dict):
                return
            sent.known += [item["id"] for item in body["data"] if item["id"] not in sent.known]
            if not body["pageData"]["hasNextPage"] or not body["data"]:
                return
            after = {"after": body["pageData"]["endCursor"]}

    def backwards(self, sent: Sent, limit: int) -> Script:
        """Walk from the end of the listing to its begin."""
        before = "c:end"
        for _ in range(12):
            (exchange,) = yield [self.page(sent, limit, before=before)]
            body = exchange.end.body
            if exchange.status != 200 or not isinstance(body, dict) or not body["pageData"]["hasPreviousPage"]:
                return
            before = body["pageData"]["startCursor"]

    def look(self, sent: Sent) -> Script:
        """Read the batch: its listing, some messages, sometimes the campaign; in any order."""
        rng = self.rng
        parts = ["list", *(["read"] if rng.random() < 0.6 else []), *(["campaign"] if rng.random() < 0.3 else [])]
        rng.shuffle(parts)
        for part in parts:
            if part == "list":
                yield from self.listed(sent)
            elif part == "campaign":
                yield [self.page(None, 100)]
            elif sent.known:
                for message in rng.sample(sent.known, min(len(sent.known), rng.randint(1, 2))):
                    yield [self.read(message)]

    def whole(self, sent: Sent, *, campaign: bool = True) -> Script:
        """Read every view of every message of the batch."""
        yield from self.listed(sent)
        for message in sent.known:
            yield [self.read(message)]
        if campaign:
            yield [self.page(None, 100)]

    def settled(self, sent: Sent, most: float = inf) -> Iterator[float]:
        """Wait until nothing is in flight in the batch (the simulator tells), then a little more; bounded."""
        h = self.target.habits
        batch = self.target.batches.get(sent.id)
        if batch is None:
            yield h.settle
            return
        waited, bound = 0.0, min(most, 2 * h.settle)
        while waited < bound and (
            batch.owed or not all(m.ended or (m.exists and m.row.role == "pending") for m in batch.messages)
        ):
            yield 0.05 * h.settle
            waited += 0.05 * h.settle
        yield max(h.lags.values()) + h.status_lag + 0.01

    def pause(self) -> float:
        """A pause of any length: nothing, a stage of an attempt, or longer than everything settles."""
        h = self.target.habits
        return self.rng.choice(
            [0.001, self.rng.expovariate(1 / h.pace), 0.1, h.settle * self.rng.random(), h.settle * 1.1]
        )
