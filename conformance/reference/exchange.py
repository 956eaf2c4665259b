"""A request and an answer as the behaviour of a reference target sees them. No rules and no HTTP here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A request."""

    method: str
    campaign: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: The path was not spelled as documented.
    odd: bool = False
    #: The batch that the path names.
    batch: str = ""
    #: The path below the base path, still percent-encoded.
    path: str = ""
    #: It came over plain HTTP to a port of HTTPS.
    plain: bool = False

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Answer:
    """Status, body and further headers. A body of None is zero bytes."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Bytes to send in place of JSON.
    raw: bytes | None = None

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Deferred(Answer):
    """An answer that is still to come: other requests are served meanwhile, then ``then`` decides it."""

    status: int = 202
    #: Until then.
    seconds: float = 0.0
    then: Callable[[], Answer] = lambda: Answer(500)
