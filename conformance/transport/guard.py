"""The guard: which requests may leave (design.md section 4). It sees the final HTTP request, below every driver.

Three promises. Nobody is texted whom the user has not allowed, by a send or by a retry. No origin but the target's
is spoken to. No key goes out but as the credential of a request to the target.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx

from conformance.errors import GuardError
from conformance.history.records import Auth
from conformance.transport.forms import UnreadableError, addressed, file_in, json_in, recipient_like, recipients_in
from conformance.transport.origin import BaseUrl
from conformance.transport.paths import Named, odd_retry, plain

#: Shapes of ids that no batch has: ``{}`` is replaced by a fresh UUID, so that no reading of them names anything else.
#: No wildcard and no operator is among them: on a target that takes ids for patterns or queries they stay inert.
MALFORMED = {
    "short": "{short}",
    "upper": "{upper}",
    "quote": "{}%27",
    "double-quote": "{}%22",
    "blank": "{}%20x",
    "unicode": "{}%C3%A9",
    "emoji": "{}%F0%9F%93%A8",
    "not-utf-8": "{}%FF",
    "control": "{}%01",
    "null-byte": "{}%00",
    "braces": "%7B{}%7D",
    "angle": "%3C{}%3E",
    "long": "{long}",
}
#: Headers that the transport alone sets.
OWN_HEADERS = (
    "host",
    "authorization",
    "forwarded",
    "proxy-authorization",
    "connection",
    "content-length",
    "transfer-encoding",
)


@dataclass(frozen=True)
class Admission:
    """A request that may leave: what it names, and how many messages it may send at most."""

    named: Named
    charge: int


@dataclass(frozen=True)
class Context:
    """What the transport says about a request that it built; the guard checks the request against it."""

    auth: Auth = "valid"
    cause: str | None = None


@dataclass
class _Batch:
    size: int
    #: Of a given batch: False until every page of it was read.
    allowed: bool = True
    #: The target showed a recipient in it that is not allowed. Final.
    barred: bool = False
    ours: bool = True
    messages: set[str] = field(default_factory=set)


class Guard:
    """Decides about final requests, and learns from answers which batches and messages are this run's own.

    :param base: where the target is.
    :param campaigns: the run's campaign first, then the other one, if any.
    :param recipients: every number that may be texted.
    :param keys: every configured key, for the check that none goes astray.
    :param max_rows: rows in one batch.
    :param given: ids of batches that the user gave to the run.
    """

    def __init__(
        self,
        base: BaseUrl,
        campaigns: Sequence[str],
        recipients: Iterable[str],
        *,
        keys: Iterable[str] = (),
        max_rows: int = 20,
        given: Iterable[str] = (),
    ) -> None:
        self._base = base
        self._campaigns = tuple(campaigns)
        self._recipients = frozenset(recipients)
        self._keys = tuple(keys)
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._batches: dict[str, _Batch] = {batch: _Batch(0, allowed=False, ours=False) for batch in given}
        self._messages: dict[str, str] = {}
        self._invented: set[str] = set()

    # -- what may leave ---------------------------------------------------------------------------------------

    def check(self, request: httpx.Request, context: Context) -> Admission:
        """Whether this request may leave.

        :raises GuardError: it may not; says why in one line, without the recipient or key in question.
        """
        self._check_origin(request, context)
        self._check_headers(request, context)
        named, odd = self._named(request)
        body = request.read()
        self._check_words(request, body)
        if named.operation in ("batch_send", "single_send"):
            if odd or context.cause is not None or context.auth != "valid":
                raise _refusal("a send is never a probe")
            return Admission(named, self._check_send(named, request, body))
        if named.operation in ("batch_list", "message_read", "campaign_list"):
            self._check_campaign(named)
            if body:
                raise _refusal("a read has no body")
            return Admission(named, 0)
        return Admission(named, self._check_retry(named))

    def invent(self, identifier: UUID, shape: str | None = None) -> str:
        """An id made up by this run, percent-encoded for a path: well-formed, or malformed in the named shape.

        :raises KeyError: there is no such shape.
        """
        forms = {
            "short": str(identifier)[:7],
            "upper": f"BATCH_{str(identifier).upper()}",
            "long": str(identifier) * 40,
        }
        template = "batch_{}" if shape is None else MALFORMED[shape]
        text = template.format(str(identifier), **forms)
        named = odd_retry(f"/campaigns/c/batch/{text}/retry")
        with self._lock:
            self._invented.add(text)
            if named is not None and named.batch is not None:
                self._invented.add(named.batch)
        return text

    def give(self, batch: str) -> None:
        """A batch that the vendor made for this run: as one that the user gave, it may be retried once it was read."""
        with self._lock:
            self._batches.setdefault(batch, _Batch(0, allowed=False, ours=False))

    def _check_origin(self, request: httpx.Request, context: Context) -> None:
        url = str(request.url)
        plain_probe = context.cause == "scheme:http" and self._base.scheme == "https"
        if plain_probe and request.url.scheme == "http" and request.url.host == self._base.host:
            if self._holds_key(request):
                raise _refusal("a plain HTTP request would carry a real key")
        elif not self._base.same_origin(url):
            raise _refusal(f"it goes to another origin than {self._base.scheme}://{self._base.netloc}")
        path = request.url.raw_path.decode("ascii").split("?", 1)[0]
        if request.url.userinfo or request.url.fragment or not path.startswith(f"{self._base.path}/"):
            raise _refusal("it leaves base_url")

    def _check_headers(self, request: httpx.Request, context: Context) -> None:
        names = [name.lower() for name in request.headers]
        raw = [name.lower() for name, _ in request.headers.raw]
        if any(name.startswith(("x-forwarded", "x-original", "x-rewrite")) or name == "forwarded" for name in names):
            raise _refusal("it claims to be forwarded or rewritten")
        if raw.count(b"host") != 1 or raw.count(b"authorization") > 1:
            raise _refusal("its Host or Authorization header is not the transport's")
        host = request.headers["host"].lower()
        if host not in (self._base.netloc, self._base.host, request.url.netloc.decode("ascii").lower()):
            raise _refusal("its Host header names another host")
        if context.auth in ("none", "wrong") and self._holds_key(request):
            raise _refusal("it would carry a real key although it is to have none")

    def _holds_key(self, request: httpx.Request) -> bool:
        everything = b"\n".join(
            (str(request.url).encode(), *(n + b": " + v for n, v in request.headers.raw), request.read())
        )
        return any(key.encode() in everything for key in self._keys)

    def _named(self, request: httpx.Request) -> tuple[Named, bool]:
        path = request.url.raw_path.decode("ascii").split("?", 1)[0].removeprefix(self._base.path)
        named = plain(request.method, path)
        if named is not None:
            return named, False
        named = odd_retry(path)
        if named is None:
            raise _refusal("it is none of the seven operations")
        return named, True

    def _check_words(self, request: httpx.Request, body: bytes) -> None:
        """Nobody but an allowed recipient stands under a recipient-like name, in the query, headers or a body."""
        named: list[str] = []
        for name, value in parse_qsl(request.url.query.decode("ascii", "replace"), keep_blank_values=True):
            if recipient_like(name):
                named.append(value)
        named += [value for name, value in request.headers.items() if recipient_like(name)]
        kind = request.headers.get("content-type", "")
        if body and not kind.startswith("multipart/"):
            named += self._words_of(body, kind)
        for text in named:
            self._check_number(text)

    def _words_of(self, body: bytes, kind: str) -> list[str]:
        if kind.startswith("application/x-www-form-urlencoded"):
            return [value for name, value in parse_qsl(body.decode("utf-8", "replace")) if recipient_like(name)]
        try:
            return list(addressed(json_in(body)))
        except UnreadableError as error:
            if "twice" in str(error) or any(recipient_like(word) for word in body.decode("utf-8", "replace").split()):
                raise _refusal(f"its body cannot be read safely: {error}") from None
            return []

    def _check_number(self, text: str) -> None:
        digits = text.strip().removeprefix("+").replace(" ", "").replace("-", "")
        if digits not in self._recipients:
            raise _refusal("it names a recipient that the configuration does not allow")

    def _check_campaign(self, named: Named) -> None:
        if named.campaign not in self._campaigns:
            raise _refusal("it names a campaign that the configuration does not")

    def _check_send(self, named: Named, request: httpx.Request, body: bytes) -> int:
        if named.campaign != self._campaigns[0] or request.url.query:
            raise _refusal("a send goes to the configured campaign, without a query")
        kind = request.headers.get("content-type", "")
        try:
            numbers = recipients_in(file_in(body, kind)) if named.operation == "batch_send" else _single(json_in(body))
        except UnreadableError as error:
            raise _refusal(f"its recipients cannot be read safely: {error}") from None
        if len(numbers) > self._max_rows:
            raise _refusal(f"it has {len(numbers)} rows, more than limits.max_rows = {self._max_rows}")
        for number in numbers:
            if number not in self._recipients:
                raise _refusal("it names a recipient that the configuration does not allow")
        return len(numbers)

    def _check_retry(self, named: Named) -> int:
        with self._lock:
            if named.operation == "single_retry":
                owner = self._messages.get(named.message or "")
                if owner is None or self._batches[owner].barred or not self._batches[owner].allowed:
                    raise _refusal("it retries a message that this run did not make")
                self._check_campaign(named)
                return 1
            if named.batch in self._invented:
                return 0
            batch = self._batches.get(named.batch or "")
            if batch is None:
                raise _refusal("it retries a batch that this run did not make and was not given")
            if batch.barred or not batch.allowed:
                raise _refusal("it retries a batch whose recipients are not all known to be allowed")
            self._check_campaign(named)
            return batch.size

    # -- what is learnt ---------------------------------------------------------------------------------------

    def learn_send(self, named: Named, rows: int, answer: Any) -> None:
        """A send was answered 2xx with this JSON: its batch, or message, is ours."""
        if not isinstance(answer, dict):
            return
        made = answer.get("batchId") if named.operation == "batch_send" else answer.get("id")
        if not isinstance(made, str):
            return
        with self._lock:
            if named.operation == "batch_send":
                # An id that was known before: the target mixes batches up, and a retry may reach the rows of both.
                if made in self._batches:
                    self._batches[made].size += rows
                else:
                    self._batches[made] = _Batch(rows)
            else:
                self._batches.setdefault(f"single:{made}", _Batch(1)).messages.add(made)
                self._messages[made] = f"single:{made}"

    def learn_listing(self, batch_id: str, messages: Any, *, whole: bool) -> None:
        """A page of a batch's listing was answered 200.

        :param messages: its ``data``.
        :param whole: the page is the last of a walk that began at the first: only then may a given batch be retried.
        """
        with self._lock:
            batch = self._batches.get(batch_id)
            if batch is None or not isinstance(messages, list):
                return
            for message in messages:
                if (
                    not isinstance(message, dict)
                    or str(message.get("recipient")).removeprefix("+") not in self._recipients
                ):
                    batch.barred = True
                    return
                identifier = message.get("id")
                if isinstance(identifier, str) and self._messages.setdefault(identifier, batch_id) == batch_id:
                    batch.messages.add(identifier)
            if not batch.ours:
                batch.size = len(batch.messages)
                batch.allowed = batch.allowed or (whole and bool(batch.messages))


def _single(value: Any) -> list[str]:
    if not isinstance(value, Mapping) or set(value) != {"recipient", "language", "values"}:
        raise UnreadableError("it is not recipient, language and values")
    if not isinstance(value["recipient"], str):
        raise UnreadableError("its recipient is not a text")
    return [value["recipient"]]


def _refusal(why: str) -> GuardError:
    return GuardError(
        f"the guard did not send a request: {why}", mend="nothing was sent; see the configuration's limits"
    )
