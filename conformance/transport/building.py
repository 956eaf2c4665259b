"""From a request in the contract's terms to HTTP: path, query, body, headers, and the key. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

import httpx

from conformance.config import Config
from conformance.errors import GuardError, UsageError
from conformance.history.records import Auth
from conformance.transport.bounds import ACCEPTED
from conformance.transport.forms import content_of
from conformance.transport.guard import OWN_HEADERS
from conformance.transport.origin import parse_base_url
from conformance.transport.request import Request

#: A key that nobody was given, for negative probes.
MADE_UP_KEY = "not_a_key_0000000000"

_TEMPLATES = {
    "batch_send": ("POST", "/campaigns/{c}/batch/messages"),
    "batch_retry": ("POST", "/campaigns/{c}/batch/{b}/retry"),
    "batch_list": ("GET", "/campaigns/{c}/batch/{b}/messages"),
    "message_read": ("GET", "/campaigns/{c}/messages/{m}"),
    "campaign_list": ("GET", "/campaigns/{c}/messages"),
    "single_send": ("POST", "/campaigns/{c}/messages"),
    "single_retry": ("POST", "/campaigns/{c}/messages/{m}/retry"),
}


class Builder:
    """Builds what a run sends.

    :param config: a loaded configuration with a target.
    :raises UsageError: its base_url cannot be used.
    """

    def __init__(self, config: Config) -> None:
        other = config.target.other
        self._target = config.target
        self._base = parse_base_url(config.target.base_url, booked=config.target.booked)
        self._keys: dict[Auth, str | None] = {
            "valid": config.target.api_key,
            "second": config.target.second_api_key,
            "other": other.api_key if other else None,
        }
        self._real = frozenset({*self._keys.values()} - {None})

    def build(self, request: Request) -> httpx.Request:
        """The HTTP request that this request means. Sends nothing.

        :raises GuardError: a driver set a header that is the transport's alone, or an id or cursor of the target has no
            place in a URL.
        :raises UsageError: the kind of key that it needs is not configured.
        """
        method, template = _TEMPLATES[request.operation]
        try:
            path = request.path if request.path is not None else _fill(template, request)
            query = f"?{urlencode(request.query)}" if request.query else ""
        except UnicodeEncodeError:
            raise GuardError(f"{_REFUSED}: an id or cursor of it is no text that UTF-8 can hold") from None
        if len(path) + len(query) > LONGEST_URL:
            what = f"its path and query have {len(path) + len(query)} characters, more than the {LONGEST_URL} of any URL here"
            raise GuardError(f"{_REFUSED}: {what}", hint="see the ids and cursors that the target hands out")
        base = self._base.url
        if request.cause == "scheme:http":
            base = f"http://{self._base.netloc}{self._base.path}"
        content, kind = content_of(request)
        ordinary = {"accept": "application/json", "accept-encoding": ACCEPTED, "user-agent": "retry-conformance"}
        headers = {**ordinary, **self._target.headers}
        if request.cause == "scheme:http" or request.auth in ("none", "wrong"):
            # Configured headers may be credentials too, such as a gateway's key.
            headers = dict(ordinary)
        for name, value in request.headers:
            if name.lower() in OWN_HEADERS or name.lower().startswith("x-forwarded"):
                raise GuardError(f"{_REFUSED}: a driver set the header {name}")
            headers[name.lower()] = value
        if kind is not None:
            headers["content-type"] = kind
        credential = self._credential(request)
        if credential is not None:
            headers["authorization"] = credential
        return httpx.Request(request.method or method, f"{base}{path}{query}", headers=headers, content=content)

    def unfit(self, request: Request) -> str | None:
        """Why a probe with an altered key cannot be sent as what it is; None if it can, as every other request.

        A key of digits only has no other case: the altered key would be the valid one.
        """
        key = self._keys["valid"]
        if key is None or request.auth not in _ALTERED or request.cause == "scheme:http":
            return None
        altered = _ALTERED[request.auth](key)
        if altered in self._real:
            return f"not sent: the key {_SAID[request.auth]} is a valid key"
        return None if altered else f"not sent: nothing is left of the key {_SAID[request.auth]}"

    def _credential(self, request: Request) -> str | None:
        if request.cause == "scheme:http":
            return f"Bearer {MADE_UP_KEY}"
        key = self._keys["valid"]
        if request.auth == "none" or key is None:
            return None
        if request.auth == "empty":
            return "Bearer"
        if request.auth == "scheme":
            return f"Basic {key}"
        if request.auth in _ALTERED:
            if (why := self.unfit(request)) is not None:
                raise GuardError(f"{_REFUSED}: {why}")
            return f"Bearer {_ALTERED[request.auth](key)}"
        chosen = MADE_UP_KEY if request.auth == "wrong" else self._keys.get(request.auth)
        if chosen is None and request.auth == "second":
            raise UsageError("is not set", where="target.second_api_key", hint="set it, or leave the program out")
        if chosen is None:
            raise UsageError("is not set", where="target.other.api_key", hint="set it, or leave BR-SEC-02 not run")
        return f"Bearer {chosen}"


_ALTERED: Mapping[Auth, Callable[[str], str]] = {
    "cut": lambda key: key[:-1],
    "extended": lambda key: f"{key}0",
    "case": str.swapcase,
}
_SAID: Mapping[Auth, str] = {"cut": "without its end", "extended": "with one more digit", "case": "in other case"}
_REFUSED = "the guard did not send a request"
#: Characters of path and query: more than any server takes, and far more than ids and cursors that are in use need.
LONGEST_URL = 16 << 10


def _fill(template: str, request: Request) -> str:
    ids = {"c": request.campaign, "b": request.batch or "", "m": request.message or ""}
    return template.format(**{name: quote(value, safe="") for name, value in ids.items()})
