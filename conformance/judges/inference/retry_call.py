"""Retry calls: one value for each batch retry and single retry of the history, probes too.

Rules filter by its properties, and never loop over exchanges of their own. A retry with a body, query or header that must not
matter is a retry like any other (ruling 30).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from conformance.contract.vocabulary import error_code
from conformance.errors import FormatError
from conformance.history.probe import Probe
from conformance.history.records import Exchange
from conformance.judges.inference.own_word import word

#: ``accepted``: 2xx. ``refused``: the target's own no. ``throttled``: 429. ``unknown``: no client can know whether it was carried
#: out (rulings 11, 22, 28). ``not_sent``: no byte left.
Outcome = Literal["accepted", "refused", "throttled", "unknown", "not_sent"]


@dataclass(frozen=True)
class RetryCall:
    """A batch retry, or a single retry (``message`` set), as it left and as it ended."""

    exchange: Exchange
    #: The batch that it names, or that the named message belongs to; None if it names none that is known.
    batch: str | None
    message: str | None = None
    #: True if three answers like this one make it the target's refusal (rulings 11, 22, 28).
    repeated: bool = False
    #: True for a probe with what nothing shows to be another campaign's key: it may be one of this campaign's own, and retry.
    perhaps_own: bool = False
    #: Other ids under which the target shows the row of the message that it names: what it gave that one shows under these, too.
    aliases: frozenset[str] = frozenset()

    @property
    def n(self) -> int:
        return self.exchange.n

    @cached_property
    def t(self) -> float:
        return self.exchange.t

    @cached_property
    def last(self) -> float:
        return self.exchange.last

    @property
    def status(self) -> int | None:
        return self.exchange.status

    @property
    def scenario(self) -> str:
        return self.exchange.invoke.scenario

    @cached_property
    def code(self) -> str | None:
        """``error.code`` of the answer."""
        return error_code(self.exchange.end.body) if self.exchange.answered else None

    @property
    def said(self) -> str:
        """Status and code, such as ``400 unresolved_batch_messages``."""
        return f"{self.status or 'no answer'} {self.code or ''}".rstrip()

    @property
    def untold(self) -> str:
        """Why nobody knows whether it was carried out, as the end of a sentence that names it."""
        if not self.exchange.answered:
            return "got no whole answer"
        if self.outcome == "throttled":
            return f"was answered {self.said}"
        if self.exchange.accepted:
            return f"was answered {self.status}, which is no documented acceptance"
        return f"was answered {self.said}, which does not say whether it was carried out"

    @cached_property
    def probe(self) -> Probe | None:
        """In what it differs from a valid request; None for a valid one, and for a cause of another version."""
        try:
            return Probe.parse(self.exchange.invoke.cause)
        except FormatError:
            return None

    @property
    def single(self) -> bool:
        return self.exchange.invoke.operation == "single_retry"

    @cached_property
    def plain(self) -> bool:
        """True for a valid request, with nothing that a target might refuse."""
        return self.exchange.invoke.cause is None and self.exchange.invoke.auth == "valid"

    @cached_property
    def harmless(self) -> bool:
        """True for a valid request but for a body, query or header, which must not matter (BR-SEC-05)."""
        invoke = self.exchange.invoke
        return invoke.auth == "valid" and invoke.method == "POST" and self.probe is not None and self.probe.harmless

    @cached_property
    def valid(self) -> bool:
        """True if the contract lets a target carry it out: plain or harmless."""
        return self.plain or self.harmless

    @property
    def second_key(self) -> bool:
        """True for a retry with another key of the same campaign: no page says whether it must do, so that nothing is judged."""
        return self.exchange.invoke.auth == "second"

    @cached_property
    def outcome(self) -> Outcome:
        end = self.exchange.end
        if end.outcome == "not_sent":
            return "not_sent"
        if self.repeated:
            return "refused"
        said = word(self.exchange)
        if said == "throttled":
            return "throttled"
        if said == "none":
            return "unknown"
        if not self.valid:
            # A probe that must have no effect is judged by its effect and its status, whoever answered it (ruling 22).
            return "accepted" if self.exchange.accepted else "refused"
        if said == "target":
            return "accepted" if self.exchange.accepted else "refused"
        return "unknown"

    @property
    def sent(self) -> bool:
        return self.outcome != "not_sent"

    @property
    def accepted(self) -> bool:
        return self.outcome == "accepted"

    @property
    def refused(self) -> bool:
        return self.outcome == "refused"

    @property
    def unknown(self) -> bool:
        return self.outcome == "unknown"

    @cached_property
    def may_reset(self) -> bool:
        """True if it may have given a message an attempt without breaking the contract."""
        return (self.valid or self.second_key or self.perhaps_own) and self.outcome in ("accepted", "unknown")

    def reaches(self, message: str) -> bool:
        """True if the contract lets it reset this message of its batch."""
        return self.message in (None, message) or message in self.aliases
