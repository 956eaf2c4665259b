"""A reference target in this process, and one line for each thing that a client does with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.reference.exchange import Answer, Deferred
from conformance.reference.inside import InsideTarget
from conformance.reference.settings import OWN_CAMPAIGN, OWN_KEY, RECOVERING, SUCCEEDING, Settings

#: A number that always fails, one that is always delivered, one that recovers.
FAILING, OTHER_FAILING = "6511111111", "6511112222"
DELIVERED = SUCCEEDING[0]
RECOVERS = RECOVERING[0]


class Desk:
    """A client of one target. Time passes only by ``wait``, and while an answer is deferred.

    :param settings: how the target behaves.
    """

    def __init__(self, settings: Settings) -> None:
        self.target = InsideTarget(settings)
        self.life = settings.lifetime

    def wait(self, lives: float) -> None:
        """Let time pass, in lifetimes of an attempt."""
        self.target.sleep(lives * self.life)

    def finish(self, answer: Answer) -> Answer:
        """Wait for an answer that is still to come."""
        while isinstance(answer, Deferred):
            self.target.sleep(answer.seconds)
            answer = self.target.service.resumed(answer)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        key: str = OWN_KEY,
        campaign: str = OWN_CAMPAIGN,
    ) -> Answer:
        """Ask, and return the answer, which may be deferred. A body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.target.service.answer(
            method,
            f"/campaigns/{campaign}/{path}",
            dict(query or {}),
            {"authorization": f"Bearer {key}", **(headers or {})},
            content,
        )

    def send(self, recipients: Sequence[str], text: str = "one & two", language: str = "english") -> str:
        """Send a batch, a row for each recipient, and return its id. The rows' texts are numbered."""
        rows = [(number, language, {"body": f"{text} #{index}"}) for index, number in enumerate(recipients)]
        answer = self.target.service.behaviour.send(OWN_CAMPAIGN, rows)
        self.wait(0.05)
        return str(answer.body["batchId"])

    def failed(self, recipients: Sequence[str], text: str = "one & two") -> str:
        """Send a batch and wait until every message is terminal."""
        batch = self.send(recipients, text)
        self.wait(1.1)
        return batch

    def created(self) -> str:
        """Send a batch that is enqueued while its message is still created, and return its id."""
        batch = self.send([FAILING])
        self.wait(0.2)
        return batch

    def single(self, recipient: str) -> str:
        """Send a single message and return its id."""
        body = {"recipient": recipient, "language": "english", "values": {"body": "alone"}}
        return str(self.ask("POST", "messages", body=body).body["id"])

    def retry(self, batch: str, **how: Any) -> Answer:
        """Retry a batch, and wait for the answer."""
        return self.finish(self.ask("POST", f"batch/{batch}/retry", **how))

    def retry_one(self, message: str, **how: Any) -> Answer:
        """Retry a message by itself, and wait for the answer."""
        return self.finish(self.ask("POST", f"messages/{message}/retry", **how))

    def rounds(self, batch: str, count: int) -> list[int]:
        """Retry a batch a number of times, each when the one before is terminal; the statuses."""
        statuses = []
        for _ in range(count):
            statuses.append(self.retry(batch).status)
            self.wait(1.1)
        return statuses

    def listing(self, batch: str) -> list[dict[str, Any]]:
        """The batch's listing."""
        return self._data(f"batch/{batch}/messages")

    def campaign(self) -> list[dict[str, Any]]:
        """The campaign's listing."""
        return self._data("messages")

    def ids(self, batch: str) -> list[str]:
        """The ids of the batch's messages."""
        return [row["id"] for row in self.listing(batch)]

    def message(self, message: str) -> dict[str, Any]:
        """The single read of a message."""
        shown: dict[str, Any] = self.finish(self.ask("GET", f"messages/{message}")).body
        return shown

    def attempts(self, batch: str) -> list[int]:
        """How many attempts each message of the batch has, by the target's own books."""
        return [len(m.attempts) for m in self.target.service.world.batches[batch].messages]

    def values(self, batch: str) -> list[str]:
        """The values of the batch's messages."""
        return [row["values"]["body"] for row in self.listing(batch)]

    def status(self, batch: str) -> str:
        """The batch's status, as a message shows it."""
        return str(self.message(self.ids(batch)[0])["batches"][0]["status"])

    def _data(self, path: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.finish(self.ask("GET", path, query={"limit": "1000"})).body["data"]
        return data
