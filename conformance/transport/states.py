"""Provider states: asking the vendor to bring about what the public API cannot (docs/design.md).

Asked as Pact asks: POST ``{"state", "params", "action"}`` to one configured URL, answered with JSON values such as
``batchId``. No key travels there, no redirect is followed, and nothing of the environment is used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import httpx
import msgspec

from conformance.errors import UsageError
from conformance.transport.bounds import (
    ACCEPTED,
    TooLargeError,
    UndecodableError,
    Watchdog,
    check_head,
    escaped,
    read_body,
)
from conformance.transport.origin import parse_base_url
from conformance.transport.paths import plain_id

Action = Literal["setup", "teardown"]

#: Seconds that a vendor may take to bring a state about.
PATIENCE = 30.0
#: Bytes of an answer that are read at most.
MAX_ANSWER = 64 << 10
#: Characters of one value; ids are far shorter.
LONGEST_VALUE = 1024


@dataclass(frozen=True, kw_only=True)
class StateAnswer:
    """What came of it: the values that the vendor answered, or why there are none."""

    values: Mapping[str, str]
    error: str = ""


def states_url(url: str) -> str:
    """The URL in its normal form, checked like a base_url: no production host, no user, query or fragment.

    :raises UsageError: it may not be asked; names ``provider_states.url``.
    """
    try:
        return parse_base_url(url).url
    except UsageError as error:
        hint = 'write scheme, host and path only, such as "http://127.0.0.1:8080/states"'
        raise UsageError(error.what, where="provider_states.url", hint=hint) from None


class ProviderStates:
    """The vendor's provider states.

    :param url: where they are served; checked like a base_url (no production host, no user, query or fragment).
    :param inner: replaces the network, and ``clock`` the monotonic seconds, for tests.
    :raises UsageError: the URL may not be asked.
    """

    def __init__(
        self, url: str, inner: httpx.BaseTransport | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = states_url(url)
        self._clock = clock
        self._transport = inner or httpx.HTTPTransport(trust_env=False)
        self._watchdog = Watchdog()

    def ask(self, state: str, params: Mapping[str, str], action: Action, *, within: float = PATIENCE) -> StateAnswer:
        """Ask for a state. Raises nothing: a vendor without it leaves verdicts open, and breaks no run.

        :param within: seconds after which it is given up; never more than ``PATIENCE``.
        """
        seconds = min(within, PATIENCE)
        until = self._clock() + seconds
        content = json.dumps({"state": state, "params": dict(params), "action": action}).encode()
        headers = {"content-type": "application/json", "accept-encoding": ACCEPTED, "user-agent": "retry-conformance"}
        request = httpx.Request("POST", self._url, headers=headers, content=content)
        timeout = httpx.Timeout(max(0.001, seconds)).as_dict()
        request.extensions = {"timeout": timeout, "trace": self._watchdog.trace}
        late = StateAnswer(values={}, error=f"no whole answer within {seconds:g} s")
        try:
            with self._watchdog.within(seconds):
                status, body = self._exchange(request, until)
        except (httpx.HTTPError, httpx.StreamError) as error:
            if self._clock() >= until:
                return late
            return StateAnswer(values={}, error=f"no answer ({type(error).__name__})")
        except _LateError:
            return late
        except (TooLargeError, UndecodableError) as error:
            return StateAnswer(values={}, error=str(error))
        if not 200 <= status < 300:
            return StateAnswer(values={}, error=f"answered {status}")
        return _values(body)

    def _exchange(self, request: httpx.Request, until: float) -> tuple[int, bytes]:
        """Status and body of the answer.

        :raises _LateError: it dribbles; :raises TooLargeError: it is beyond a bound; :raises UndecodableError: it is not
            what its Content-Encoding says.
        """
        answer = self._transport.handle_request(request)
        try:
            check_head(answer.headers.raw)
            stream = answer.stream
            assert isinstance(stream, httpx.SyncByteStream)
            encoding = answer.headers.get("content-encoding", "")
            body, undecoded = read_body(self._timely(stream, until), encoding, MAX_ANSWER)
        finally:
            answer.close()
        if undecoded:
            raise UndecodableError(f"its Content-Encoding is {undecoded[:40]}")
        return answer.status_code, body

    def _timely(self, parts: Iterable[bytes], until: float) -> Iterator[bytes]:
        for part in parts:
            if self._clock() > until:
                raise _LateError
            yield part

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class _LateError(Exception):
    """The answer dribbles."""


def _values(body: bytes) -> StateAnswer:
    try:
        values = msgspec.json.decode(body, type=dict[str, str]) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return StateAnswer(values={}, error="the answer is no JSON object of texts")
    if any(escaped(text) != text or len(text) > LONGEST_VALUE for pair in values.items() for text in pair):
        return StateAnswer(values={}, error="the answer holds a text that is too long, or no UTF-8")
    if not plain_id(values.get("batchId", "b")):
        return StateAnswer(values={}, error="the answer names a batch by an id that has no place in a path")
    return StateAnswer(values=values)
