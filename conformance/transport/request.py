"""What a driver asks of the transport, and what it gets back. Drivers never see HTTP clients or keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from conformance.history.records import Auth, Exchange, Operation, Role
from conformance.transport.states import Action, StateAnswer


@dataclass(frozen=True, kw_only=True)
class OutRow:
    """One recipient line to send, with the real number (the history gets its token instead)."""

    recipient: str
    role: Role
    language: str
    values: dict[str, str]
    nonce: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Who asks: driver, scenario and step, for the history."""

    driver: str = "scenarios"
    scenario: str = ""
    step: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request in the terms of the contract; the transport makes HTTP of it.

    ``method``, ``path``, ``headers``, ``content`` and ``content_type`` override what the operation would give, for
    odd requests; they must come with a ``cause``. ``path`` is below base_url, already percent-encoded.
    """

    operation: Operation
    campaign: str
    batch: str | None = None
    message: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    rows: tuple[OutRow, ...] = ()
    auth: Auth = "valid"
    cause: str | None = None
    method: str | None = None
    path: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    content_type: str | None = None
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The recorded exchange, and the answer's JSON as it came (unredacted; for ids and cursors, never for files)."""

    exchange: Exchange
    json: Any = None


class Transport(Protocol):
    """The one way out. Thread-safe."""

    def call(self, request: Request) -> Reply:
        """Send one request when the rate allows, record it, and return how it ended.

        An answer 429 is waited out (Retry-After, else back-off, bounded) and the request sent again, each try
        an exchange of its own (ruling 10); the last try is returned.

        :raises GuardError: the request may not leave. It is on record as a note ``refused``; nothing was sent.
        :raises BudgetError: the budget is spent.
        :raises TargetError: nothing of use has come for long; the exchange itself is on record.
        """
        ...

    def race(self, requests: Sequence[Request]) -> list[Reply]:
        """Send these requests at once: each whole but for its last byte, then all last bytes together.

        Each is an exchange of its own, with ``Invoke.race`` and ``End.released``; the replies come in the order of the
        requests. What fails before the release is ``not_sent``. A 429 is not sent again (ruling 10).

        :raises GuardError: one of them may not leave, or there are more of them than the rate allows at once. None is
            released: those that are on record are ``not_sent``.
        :raises BudgetError: the budget does not bear all of them; nothing was sent.
        """
        ...

    def reserve(self, calls: int) -> AbstractContextManager[None]:
        """Wait until ``calls`` calls may leave back to back, and keep other callers out until the block ends."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait, and send nothing meanwhile."""
        ...

    def state(self, name: str, params: Mapping[str, str], action: Action, *, scenario: str = "") -> StateAnswer:
        """Ask the vendor for a provider state, and put it on record. A batch that the answer names may be retried once
        it was read whole."""
        ...

    def now(self) -> float:
        """Seconds since the run began, by the history's clock."""
        ...

    def note(self, event: str, *, scenario: str = "", text: str = "", **data: Any) -> None:
        """Put a note on record."""
        ...
