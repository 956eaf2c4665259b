"""Calls of one program: requests with their origin, and what it means that one cannot be made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from conformance.errors import UnreadError
from conformance.history.records import Operation
from conformance.transport.request import Origin, Reply, Request, Transport


class UnmetError(Exception):
    """A program cannot go on: something that it needs did not come."""

    def __init__(self, code: str, text: str, needs: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.needs = tuple(needs)


class NotTriedError(UnmetError):
    """A probe of a program cannot be sent as what it is; the others can."""


class NothingStuckError(Exception):
    """A program is over: it is for what is stuck, and nothing is."""


def unanswered(reply: Reply) -> bool:
    """Whether nothing came that says anything: not sent, lost, 5xx, 408 or, tried again and again, 429 (ruling 11)."""
    return reply.exchange.status in (None, 429) or reply.exchange.open


def passed_on(reply: Reply) -> bool:
    """Whether something in front may have answered: a 3xx, or a 4xx that is no JSON (ruling 22)."""
    status = reply.exchange.status
    if not reply.exchange.answered or status is None:
        return False
    return 300 <= status < 400 or (
        400 <= status < 500 and status not in (408, 429) and reply.exchange.end.media != "json"
    )


@contextmanager
def unread_is_unmet() -> Iterator[None]:
    """What the guard keeps back for want of a reading ends this program, and not the run."""
    try:
        yield
    except UnreadError as error:
        needs = ("a listing of the batch with data and pageData, as documented",)
        raise UnmetError("batch-not-read", error.what, needs) from None


class Calls:
    """Makes and sends the requests of one program.

    :param transport: the way out; :param campaign: the campaign of every request.
    :param driver: who asks; :param scenario: for which scenario.
    """

    def __init__(self, transport: Transport, campaign: str, *, driver: str, scenario: str) -> None:
        self._transport = transport
        self._campaign = campaign
        self._driver = driver
        self._scenario = scenario
        #: The place of the present step in the program.
        self.step = ""
        #: How many were made.
        self.made = 0

    def call(self, operation: Operation, **fields: Any) -> Reply:
        """Send one request.

        :raises UnmetError: the guard keeps it back for want of a reading; :raises GuardError: the guard stops the run.
        """
        self.made += 1
        with unread_is_unmet():
            return self._transport.call(self.request(operation=operation, **fields))

    def race(self, requests: Sequence[Request]) -> list[Reply]:
        """Send these at once; raises as ``call``."""
        with unread_is_unmet():
            return self._transport.race(requests)

    def left_out(self, text: str) -> None:
        """Put on record that a step is left out, and why."""
        self._transport.note("left_out", scenario=self._scenario, text=text)

    def request(self, **fields: Any) -> Request:
        """A request of this program and step."""
        origin = Origin(driver=self._driver, scenario=self._scenario, step=self.step)
        return Request(**{"campaign": self._campaign, "origin": origin, **fields})
