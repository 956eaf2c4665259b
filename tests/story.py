"""Stories: histories for the tests of the judges, told step by step against a puppet of a target.

The puppet does what it is told, legal or not; the story records what HTTP would have shown of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

import msgspec

from conformance.findings import Doubt, Exercise, Finding, Observation, Opinion
from conformance.history.records import End, Exchange, Header, History, Invoke, Media, Operation, Role, Row
from conformance.judges import judge
from tests.wellformed import flaws

ROLES: dict[str, Role] = {"F": "failing", "S": "succeeding", "P": "pending", "R": "recovering"}
START = datetime(2026, 1, 1, tzinfo=UTC)


class Story:
    """A puppet target, and the history of what was asked of it.

    :param settle: ``settle_timeout`` in seconds.
    :param fields: which fields show attempts: ``numAttempts``, ``messageAttempts``, ``attempts``.
    :param status: whether ``batches`` is shown.
    :param lag: configured read lag in seconds; None is auto.
    :param whole_seconds: True if times are shown in whole seconds.
    """

    #: Seconds from the end of an exchange to the start of the next.
    gap = 0.01
    #: Languages of the first rows of a batch; the others are in English.
    languages: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        settle: float = 10.0,
        fields: tuple[str, ...] = ("numAttempts", "messageAttempts", "attempts"),
        status: bool = True,
        lag: float | None = None,
        whole_seconds: bool = False,
    ) -> None:
        self.whole_seconds = whole_seconds
        self.fields = fields
        self.status_shown = status
        self.header = Header(
            suite_version="0", contract_version="1.0", run_id="r", started="", base_url="http://t/api/v2",
            campaign_id="c", settle_timeout=settle, read_lag=lag,
        )  # fmt: skip
        self.now = 0.0
        self.exchanges: list[Exchange] = []
        self.batches: dict[str, str] = {}
        self.members: dict[str, list[str]] = {}
        self.messages: dict[str, dict[str, Any]] = {}

    def wait(self, seconds: float) -> Self:
        self.now += seconds
        return self

    def send(self, batch: str, rows: str) -> Self:
        """Send a batch; every message is made at once, in ``created``. ``rows``: a letter of ``ROLES`` each."""
        made = []
        for i, letter in enumerate(rows):
            nonce = f"{len(self.messages):08x}"
            message = f"{batch}.{i}"
            made.append(
                Row(
                    recipient=f"65111122{i:02}", role=ROLES[letter],
                    language=self.languages[i] if i < len(self.languages) else "english",
                    values={"body": f"x [n:{nonce}]"}, nonce=nonce,
                )
            )  # fmt: skip
            self.messages[message] = {"batch": batch, "nonce": nonce, "role": letter, "attempts": [], "recipient": i}
            self.attempt(message)
        self.batches[batch] = "messages_enqueued"
        self.members[batch] = [f"{batch}.{i}" for i in range(len(rows))]
        self._exchange("batch_send", 201, {"isValid": True, "batchId": batch}, rows=tuple(made))
        return self

    def move(self, message: str, status: str) -> Self:
        """The message's newest attempt is in ``status`` from now on."""
        self.messages[message]["attempts"][-1]["status"] = status
        self.messages[message]["updated"] = self._stamp()
        self.now += 0.001
        return self

    def finish(self, batch: str) -> Self:
        """Every message that is underway becomes what its row says."""
        for message in self.members[batch]:
            if self.status(message) not in ("success", "failure"):
                self.move(message, "failure" if self.messages[message]["role"] == "F" else "success")
        return self

    def status(self, message: str) -> str:
        return str(self.messages[message]["attempts"][-1]["status"])

    def list(self, batch: str, *, only: int | None = None) -> Self:
        """Read the batch's listing, one page; ``only`` that many rows of it."""
        items = [self._shown(m, "batch_list") for m in self.members[batch]][:only]
        page = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "a", "endCursor": "b"}
        self._exchange("batch_list", 200, {"data": items, "pageData": page}, batch=batch)
        return self

    def other_page(self, status: int | None = 200) -> Self:
        """Read a page of another campaign with that campaign's key."""
        self._exchange("campaign_list", status, {"data": [], "pageData": {}} if status == 200 else None)
        last = self.exchanges[-1]
        invoke = msgspec.structs.replace(last.invoke, campaign="d", auth="other", query=(("limit", "1"),))
        self.exchanges[-1] = Exchange(invoke=invoke, end=last.end)
        return self

    def by(self, scenario: str) -> Self:
        """Every exchange that is not laid to a scenario yet is this one's."""
        for i, e in enumerate(self.exchanges):
            if not e.invoke.scenario:
                self.exchanges[i] = Exchange(invoke=msgspec.structs.replace(e.invoke, scenario=scenario), end=e.end)
        return self

    def read(self, message: str) -> Self:
        self._exchange("message_read", 200, self._shown(message, "message_read"), message=message)
        return self

    def denied(self, message: str, status: int = 401) -> Self:
        """A read that is refused for its key."""
        self._exchange("message_read", status, {"message": "Unauthorized", "statusCode": status}, message=message)
        return self

    def look(self, batch: str) -> Self:
        """The listing, then every message by itself."""
        self.list(batch)
        for message in self.members[batch]:
            self.read(message)
        return self

    def retry(
        self,
        batch: str,
        status: int | None = 201,
        code: str | None = None,
        *,
        takes: tuple[str, ...] | None = None,
        size: int = 0,
        cause: str | None = None,
        body: Any = None,
    ) -> Self:
        """Retry the batch. ``takes``: messages that get an attempt; by default every failed one after 201.

        ``status`` None: the answer is lost. ``body``: of the answer, in place of an error with ``code``; text is HTML.
        """
        if takes is None:
            takes = tuple(m for m in self.members[batch] if self.status(m) == "failure") if status == 201 else ()
        for message in takes:
            self.attempt(message)
        self._exchange(
            "batch_retry", status, body if body is not None else _error(code), batch=batch, size=size, cause=cause
        )
        return self

    def blocked(self, batch: str) -> Self:
        """A retry refused as the contract says for a ``created`` message."""
        self.batches[batch] = "messages_enqueuing_failed"
        return self.retry(batch, 400, "unresolved_batch_messages")

    def single(
        self,
        message: str,
        status: int | None = 201,
        code: str | None = None,
        *,
        cause: str | None = None,
        gives: tuple[str, ...] | None = None,
        shows: str | None = None,
        body: Any = None,
    ) -> Self:
        """Retry one message. ``gives``: messages that get an attempt; by default this one after 201.

        ``shows``: another message in the answer. ``body``: of an answer that shows none; text is HTML.
        """
        for given in ((message,) if status == 201 else ()) if gives is None else gives:
            self.attempt(given)
        if body is None:
            body = self._shown(shows or message, "single_retry") if status in (200, 201) else _error(code)
        self._exchange("single_retry", status, body, message=message, cause=cause)
        return self

    def single_send(self, message: str, letter: str) -> Self:
        """Send one message by itself."""
        nonce = f"{len(self.messages):08x}"
        row = Row(
            recipient="6511112299",
            role=ROLES[letter],
            language="english",
            values={"body": f"x [n:{nonce}]"},
            nonce=nonce,
        )
        self.messages[message] = {"batch": "none", "nonce": nonce, "role": letter, "attempts": [], "recipient": 99}
        self.batches.setdefault("none", "messages_enqueued")
        self.members.setdefault(message, [message])
        self.attempt(message)
        self._exchange("single_send", 201, {"id": message, "latestStatus": "created"}, rows=(row,))
        return self

    def history(self) -> History:
        return History(header=self.header, exchanges=tuple(self.exchanges))

    def opinions(self) -> tuple[Opinion, ...]:
        """What the judges say; an opinion that is not well-formed fails the test."""
        exchanges = tuple(
            e if e.invoke.scenario else Exchange(invoke=msgspec.structs.replace(e.invoke, scenario="told"), end=e.end)
            for e in self.exchanges
        )
        history = msgspec.structs.replace(self.history(), exchanges=exchanges)
        said = judge(history)
        wrong = flaws(history, said)
        assert not wrong, wrong
        return said

    def findings(self) -> set[str]:
        """First requirement of every finding; a judge that broke fails the test."""
        opinions = self.opinions()
        assert not [o for o in opinions if isinstance(o, Doubt) and o.code == "suite-error"]
        return {o.any_of[0] for o in opinions if isinstance(o, Finding)}

    def named(self) -> set[tuple[str, ...]]:
        """The requirements of every finding, sorted: those of which it proves one broken."""
        return {tuple(sorted(o.any_of)) for o in self.opinions() if isinstance(o, Finding)}

    def exercised(self) -> set[str]:
        """``requirement`` or ``requirement facet`` of every exercise."""
        return {f"{o.requirement} {o.facet}".strip() for o in self.opinions() if isinstance(o, Exercise)}

    def doubts(self) -> set[tuple[str, str]]:
        return {(o.requirement, o.code) for o in self.opinions() if isinstance(o, Doubt)}

    def observed(self) -> dict[str, Any]:
        return {o.key: o.value for o in self.opinions() if isinstance(o, Observation)}

    def _stamp(self) -> str:
        now = START + timedelta(seconds=self.now)
        return (now.replace(microsecond=0) if self.whole_seconds else now).isoformat()

    def attempt(self, message: str) -> None:
        known = self.messages[message]
        number = len(known["attempts"])
        known["attempts"].append(
            {"id": f"{message}#{number}", "status": "created", "createdAt": self._stamp(), "messageId": message}
        )
        known["updated"] = self._stamp()
        self.now += 0.001

    def _shown(self, message: str, operation: Operation) -> dict[str, Any]:
        known = self.messages[message]
        attempts = [dict(a) for a in known["attempts"]]
        body: dict[str, Any] = {
            "id": message,
            "recipient": f"65111122{known['recipient']:02}",
            "latestStatus": attempts[-1]["status"],
            "values": {"body": f"x [n:{known['nonce']}]"},
            "createdAt": attempts[0]["createdAt"],
            "updatedAt": known["updated"],
        }
        names = {"batch_list": ("numAttempts", "messageAttempts"), "message_read": ("attempts",)}.get(operation, ())
        for name in names:
            if name in self.fields:
                body[name] = len(attempts) if name == "numAttempts" else attempts[::-1]
        if self.status_shown and operation == "message_read":
            body["batches"] = [{"id": known["batch"], "status": self.batches[known["batch"]]}]
        return body

    def _exchange(
        self,
        operation: Operation,
        status: int | None,
        body: Any = None,
        *,
        batch: str | None = None,
        message: str | None = None,
        rows: tuple[Row, ...] = (),
        size: int = 0,
        cause: str | None = None,
    ) -> None:
        n = len(self.exchanges) + 1
        start = self.now
        self.now += 0.01
        self.exchanges.append(
            Exchange(
                invoke=Invoke(
                    n=n, t=start, operation=operation, method="POST" if "retry" in operation else "GET", path="/",
                    campaign="c", batch=batch, message=message, rows=rows, cause=cause,
                ),
                end=End(
                    n=n, outcome="lost" if status is None else "answered", last=self.now, status=status,
                    size=size, media=_media(body), body=body,
                ),
            )
        )  # fmt: skip
        self.now += self.gap


def _media(body: Any) -> Media:
    return "none" if body is None else "text" if isinstance(body, str) else "json"


def _error(code: str | None) -> Any:
    return None if code is None else {"error": {"code": code, "message": "m", "type": "domain_error", "id": "t"}}
