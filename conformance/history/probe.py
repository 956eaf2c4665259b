"""Probes: requests that differ from a valid one in one named thing. Parsed here and nowhere else.

On disk (``Invoke.cause``, and ``cause`` of a program's step) a probe is ``KIND:NAME``, which is public format; in code it
is a value. This module knows no driver, so judges and reports may import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from conformance.errors import FormatError
from conformance.history.records import Operation

#: What a probe changes. ``auth``: the credential; ``method``; ``path``: the spelling of the path, sent without a key;
#: ``campaign``: another campaign's path; ``id``: an id that this run made up, or made of a batch's own; ``scheme``: plain HTTP;
#: ``body``, ``query``, ``header``: something that the contract says must not matter; ``generated``: a read whose query a
#: generator drew.
Kind = Literal["auth", "method", "path", "campaign", "id", "scheme", "body", "query", "header", "generated"]

KINDS: frozenset[str] = frozenset(get_args(Kind))
_HARMLESS = frozenset({"body", "query", "header"})
_SHAPE = "malformed:"
_NEAR = "near:"
_DRAWN = "generated"


@dataclass(frozen=True)
class Probe:
    """One way in which a request differs from a valid one; ``str()`` gives the ``cause`` of the history back."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, cause: str | None) -> Probe | None:
        """Return the probe that a cause names; None if there is no cause, that is, for a valid request.

        :raises FormatError: the cause is not ``KIND:NAME`` with a kind of ``KINDS``.
        """
        if cause is None:
            return None
        kind, colon, name = cause.partition(":")
        for known in get_args(Kind):
            if kind == known and colon and name:
                return cls(known, name)
        raise FormatError(
            f"names a probe {cause!r} that this suite does not know", hint="use the version of the suite that wrote it"
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def harmless(self) -> bool:
        """True if a target may carry the request out: a body, query or header must not matter (BR-SEC-05, ruling 30)."""
        return self.kind in _HARMLESS

    @property
    def generated(self) -> bool:
        """True if a generator drew what is unusual about the request, rather than a scenario."""
        return self.kind == _DRAWN or self.name == _DRAWN or self.name.startswith(f"{_DRAWN}:")

    @property
    def shape(self) -> str | None:
        """The shape of a malformed id (``id:malformed:SHAPE``); None for every other probe."""
        return self.name.removeprefix(_SHAPE) if self.kind == "id" and self.name.startswith(_SHAPE) else None

    @property
    def near(self) -> str | None:
        """How an id differs from the batch's own (``id:near:HOW``); None for every other probe."""
        return self.name.removeprefix(_NEAR) if self.kind == "id" and self.name.startswith(_NEAR) else None

    def requirement(self, operation: Operation = "batch_retry") -> str | None:
        """Return the requirement that an effect of this probe breaks (contract, section 4); None if it names no message.

        A body, query or header makes a retry like any other (ruling 30), so that an effect of it breaks nothing by itself;
        what such a retry must not change is BR-SEC-05.
        """
        if self.kind == "campaign" or (self.kind == "auth" and self.name == "other-key"):
            if operation == "single_retry":
                return "BR-SGL-03"
            return "BR-SEC-03" if self.kind == "campaign" else "BR-SEC-02"
        if self.kind == "auth":
            return "BR-SEC-01" if self.name in ("none", "wrong") else "BR-SEC-07"
        if self.kind == "id" and operation == "single_retry":
            return "BR-SGL-01"
        if self.near is not None:
            # It names no batch, and so is outside of every one.
            return "BR-SEL-07"
        return {"path": "BR-SEC-07", "method": "BR-SEC-04"}.get(self.kind)
