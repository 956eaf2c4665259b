"""Provider states: asking the vendor to bring about what the public API cannot (docs/design.md).

Asked as Pact asks: POST ``{"state", "params", "action"}`` to one configured URL, answered with JSON values such as
``batchId``. No key travels there, no redirect is followed, and nothing of the environment is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import httpx
import msgspec

from conformance.transport.origin import parse_base_url

Action = Literal["setup", "teardown"]

#: Seconds that a vendor may take to bring a state about.
PATIENCE = 30.0
#: Bytes of an answer that are read at most.
MAX_ANSWER = 64 << 10


@dataclass(frozen=True, kw_only=True)
class StateAnswer:
    """What came of it: the values that the vendor answered, or why there are none."""

    values: Mapping[str, str]
    error: str = ""


class ProviderStates:
    """The vendor's provider states.

    :param url: where they are served; checked like a base_url (no production host, no user, query or fragment).
    :param inner: replaces the network, and ``clock`` the monotonic seconds, for tests.
    :raises UsageError: the URL may not be asked.
    """

    def __init__(
        self, url: str, inner: httpx.BaseTransport | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = parse_base_url(url).url
        self._clock = clock
        self._client = httpx.Client(transport=inner, trust_env=False, follow_redirects=False, timeout=PATIENCE)

    def ask(self, state: str, params: Mapping[str, str], action: Action) -> StateAnswer:
        """Ask for a state. Raises nothing: a vendor without it leaves verdicts open, and breaks no run."""
        until = self._clock() + PATIENCE
        request = {"state": state, "params": dict(params), "action": action}
        try:
            with self._client.stream("POST", self._url, json=request) as answer:
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if self._clock() > until:
                        return StateAnswer(values={}, error=f"no whole answer within {PATIENCE:g} s")
                    if len(body) > MAX_ANSWER:
                        return StateAnswer(values={}, error="the answer is larger than 64 KiB")
        except (httpx.HTTPError, httpx.StreamError) as error:
            return StateAnswer(values={}, error=f"no answer ({type(error).__name__})")
        if not answer.is_success:
            return StateAnswer(values={}, error=f"answered {answer.status_code}")
        try:
            values = msgspec.json.decode(body, type=dict[str, str]) if body.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            return StateAnswer(values={}, error="the answer is no JSON object of texts")
        return StateAnswer(values=values)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
