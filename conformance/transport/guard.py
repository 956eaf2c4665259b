"""The guard: which requests may leave (design.md section 4). It sees the final HTTP request, below every driver.

Three promises. Nobody is texted whom the user has not allowed, by a send or by a retry. No origin but the target's
is spoken to. No key goes out but as the credential of a request to the target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import quote
from uuid import UUID

import httpx

from conformance.errors import GuardError, UnreadError
from conformance.history.records import Auth
from conformance.transport.chance import lettered
from conformance.transport.forms import UnreadableError, file_in, recipient_like, recipients_in, single_in
from conformance.transport.inert import inert
from conformance.transport.made import Made, NotReadError
from conformance.transport.origin import BaseUrl
from conformance.transport.paths import Named, odd_retry, plain, plain_id
from conformance.transport.words import in_body, in_pairs, in_path, in_text, unescaped

#: Shapes of ids that no batch has: ``{}`` is replaced by a fresh UUID, so that no reading of them names anything else.
#: No wildcard and no operator is among them: on a target that takes ids for patterns or queries they stay inert. A letter that
#: is no digit of a UUID stands first, and none of them is a number to whoever reads one as far as it goes.
MALFORMED = {
    "short": "x{short}",
    "upper": "{upper}",
    "quote": "x{}%27",
    "double-quote": "x{}%22",
    "blank": "x{}%20x",
    "unicode": "x{}%C3%A9",
    "emoji": "x{}%F0%9F%93%A8",
    "not-utf-8": "x{}%FF",
    "control": "x{}%01",
    "null-byte": "x{}%00",
    "braces": "%7Bx{}%7D",
    "angle": "%3Cx{}%3E",
    "long": "x{long}",
}
#: Ids made of a batch's own (``{own}``), each of which is none to a target that compares ids whole. ``{}`` is a fresh UUID.
#: What stands behind a NUL is no blank: whoever trims an id may take it for the batch's own.
NEAR = {"null-byte": "{own}%00x", "longer": "{own}-{}", "shorter": "{cut}", "wildcard": "{own}%25"}
#: Those of them that might name another's batch where ids are counted or short, be it because a column cuts them.
_ALONE = ("longer", "shorter", "wildcard")
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
#: Headers, or beginnings of their names, by which a server may be told another host or path than the request's own.
_ELSEWHERE = ("forwarded", "x-forwarded", "x-original", "x-rewrite", "x-host", "x-http-host", "x-accel")
#: Headers by which a body may be given another reading than its own.
_RECODED = ("content-encoding", "content-transfer-encoding", "transfer-encoding", "trailer", "te", "upgrade", "expect")
#: Headers whose values are no secrets.
_ORDINARY = frozenset({"host", "user-agent", "accept", "content-type", "content-length"})
#: Methods that open tunnels, or send a request's headers back.
_NO_METHODS = ("CONNECT", "TRACE", "TRACK")
#: What the suite itself puts into httpx's extensions; others change where a request goes, or what it asks for.
_EXTENSIONS = frozenset({"conformance", "timeout", "trace"})
#: Probes whose key is the configured one, altered.
_ALTERED = ("cut", "extended", "case")
#: A configured header or key with a shorter value cannot be told from other texts.
_SECRET = 8


def reserved(name: str) -> bool:
    """Whether no configuration may set a header of this name: the transport does, or the guard would stop the run."""
    low = name.lower().replace("_", "-")
    return low in (*OWN_HEADERS, *_RECODED) or low.startswith(_ELSEWHERE) or "method" in low or recipient_like(name)


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


class Guard:
    """Decides about final requests, and learns from answers which batches and messages are this run's own.

    :param base: where the target is.
    :param campaigns: the run's campaign first, then the other one, if any.
    :param recipients: every number that may be texted.
    :param keys: every configured key, for the check that none goes astray.
    :param headers: the configured headers, whose values may be secrets too.
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
        headers: Mapping[str, str] | None = None,
        max_rows: int = 20,
        given: Iterable[str] = (),
    ) -> None:
        self._base = base
        self._campaigns = tuple(campaigns)
        self._recipients = frozenset(recipients)
        self._keys = tuple(keys)
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._max_rows = max_rows
        self.made = Made(self._recipients, given)

    # -- what may leave ---------------------------------------------------------------------------------------

    def check(self, request: httpx.Request, context: Context) -> Admission:
        """Whether this request may leave.

        :raises GuardError: it may not; says why in one line, without the recipient or key in question.
        """
        self._check_origin(request, context)
        body = request.read()
        self._check_headers(request, body)
        self._check_keys(request, context)
        named, odd = self._named(request)
        if named.operation in ("batch_send", "single_send"):
            if odd or context.cause is not None or context.auth != "valid":
                raise _refusal("a send is never a probe")
            self._check_words(request, b"")
            return Admission(named, self._check_send(named, request, body))
        self._check_words(request, body)
        if named.operation in ("batch_list", "message_read", "campaign_list"):
            if body:
                raise _refusal("a read has no body")
            return Admission(named, 0)
        try:
            return Admission(named, self.made.charge(named))
        except NotReadError as error:
            raise UnreadError(f"the guard did not send a request: {error.args[0]}") from None
        except LookupError as error:
            raise _refusal(str(error.args[0])) from None

    def invent(self, identifier: UUID, shape: str | None = None) -> str:
        """A batch id made up by this run, percent-encoded for a path: well-formed, or malformed in the named shape.

        :raises KeyError: there is no such shape.
        """
        whole = lettered(identifier)
        forms = {"short": whole[0] + whole[-5:], "upper": f"BATCH_{whole.upper()}", "long": whole * 40}
        template = "batch_{}" if shape is None else MALFORMED[shape]
        text = template.format(whole, **forms)
        named = odd_retry(f"/campaigns/c/batch/{text}/retry")
        self.made.invented(text, *([named.batch] if named is not None and named.batch is not None else []))
        return text

    def near(self, batch: str, how: str, identifier: UUID) -> str | None:
        """An id made of a batch's own, percent-encoded for a path; its retry is charged as that batch's.

        :param identifier: fresh; stands in some of them.
        :returns: None where it might name somebody else's batch (``transport.chance``).
        :raises KeyError: ids do not differ in such a way.
        """
        ids = {"own": quote(batch, safe=""), "cut": quote(batch[:-1], safe="")}
        text = NEAR[how].format(lettered(identifier), **ids)
        named = odd_retry(f"/campaigns/c/batch/{text}/retry")
        if not plain_id(batch) or named is None or named.batch is None or named.batch == batch:
            return None
        return text if self.made.near(named.batch, batch, alone=how in _ALONE) else None

    def invent_message(self, identifier: UUID) -> str:
        """Return a well-formed message id that this run made up: no message has it, so its retry costs nothing."""
        text = f"message_{lettered(identifier)}"
        self.made.invented_message(text)
        return text

    def invent_drawn(self, identifier: UUID, drawn: str) -> str:
        """An id made up by this run, with a text behind it that a generator drew; percent-encoded for a path.

        :param identifier: fresh; it stands first, so that no reading of the whole names anything else.
        :raises GuardError: the text might be read as more than letters (``transport.inert``).
        """
        if not inert(drawn):
            raise _refusal("a drawn id holds what might be read as a pattern, an operator or a path")
        text = quote(f"batch_{lettered(identifier)}{drawn}", safe="~")
        named = odd_retry(f"/campaigns/c/batch/{text}/retry")
        self.made.invented(text, *([named.batch] if named is not None and named.batch is not None else []))
        return text

    def _check_origin(self, request: httpx.Request, context: Context) -> None:
        url = request.url
        base = self._base
        if context.cause == "scheme:http" and base.scheme == "https" and url.scheme == "http":
            base = base.plain
        # What httpx takes the URL for is where it goes; what it writes is what others take it for.
        if not base.reached_by(url.scheme, url.raw_host.decode("ascii"), url.port) or not base.same_origin(str(url)):
            raise _refusal(f"it goes to another origin than {base.scheme}://{base.netloc}")
        path = url.raw_path.decode("ascii").split("?", 1)[0]
        if url.userinfo or url.fragment or not path.startswith(f"{base.path}/"):
            raise _refusal("it leaves base_url")
        if not request.extensions.keys() <= _EXTENSIONS:
            raise _refusal("it would be changed on the way")

    def _check_headers(self, request: httpx.Request, body: bytes) -> None:
        if re.fullmatch(r"[A-Z]{1,20}", request.method) is None or request.method in _NO_METHODS:
            raise _refusal("its method is none that may be tried")
        raw = [(name.decode("latin-1").lower(), value) for name, value in request.headers.raw]
        if any(not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", n, re.ASCII) or re.search(rb"[\0\r\n]", v) for n, v in raw):
            raise _refusal("a header of it has more than one reading")
        # Some servers make no difference between hyphen and underscore.
        names = [name.replace("_", "-") for name, _ in raw]
        if any(name.startswith(_ELSEWHERE) for name in names):
            raise _refusal("it claims to be forwarded or rewritten")
        if names.count("host") != 1 or names.count("authorization") > 1:
            raise _refusal("its Host or Authorization header is not the transport's")
        host = request.headers["host"].lower()
        if host not in (self._base.netloc, self._base.host, request.url.netloc.decode("ascii").lower()):
            raise _refusal("its Host header names another host")
        lengths = [value for name, value in raw if name == "content-length"]
        if any(name in _RECODED for name in names) or lengths not in ([], [str(len(body)).encode()]):
            raise _refusal("its body has more than one reading")

    def _check_keys(self, request: httpx.Request, context: Context) -> None:
        """Keys go out as the credential only, and not at all where the request is to have none."""
        without = context.auth in ("none", "wrong") or context.cause == "scheme:http"
        named = unescaped(str(request.url)).encode("utf-8", "surrogatepass") + b"\n" + request.read()
        for name, value in request.headers.raw:
            low = name.decode("latin-1").lower()
            if low != "authorization" or without:
                named += b"\n" + name + b": " + value
            secrets = [s for known, s in self._headers.items() if len(s) >= _SECRET and (without or low != known)]
            if low not in _ORDINARY and any(secret in value.decode("latin-1") for secret in secrets):
                raise _refusal("it would carry a configured header's value where that is not to go")
        # A short key may be a word of any URL: of such a one only a credential is told.
        if any(key.encode() in named for key in self._keys if len(key) >= _SECRET):
            raise _refusal("it would carry a real key where no key is to go")
        credential = request.headers.get("authorization", "").partition(" ")[2].strip()
        if context.auth in ("none", "wrong", "empty", *_ALTERED) and credential in self._keys:
            raise _refusal("it would carry a real key where an altered one is to go")

    def _named(self, request: httpx.Request) -> tuple[Named, bool]:
        path = request.url.raw_path.decode("ascii").split("?", 1)[0].removeprefix(self._base.path)
        documented = plain(request.method, path)
        named = documented or odd_retry(path)
        if named is None:
            raise _refusal("it is none of the seven operations")
        if named.campaign not in self._campaigns:
            raise _refusal("it names a campaign that the configuration does not")
        if named.operation != "batch_retry" and _overrides(request):
            raise _refusal("it asks to be taken for another method")
        return named, documented is None

    def _check_words(self, request: httpx.Request, body: bytes) -> None:
        """Nobody but an allowed recipient is named in the path, the query, the headers, or the body of a retry."""
        headers = [(n, v) for n, v in request.headers.items() if n != "authorization"]
        try:
            named = chain(
                in_path(request.url.raw_path.decode("ascii").split("?", 1)[0]),
                in_pairs(request.url.query.decode("ascii", "replace")),
                (value for name, value in headers if recipient_like(name)),
                *(in_text(value) for name, value in headers if not recipient_like(name)),
                in_body(body, request.headers.get("content-type", "")) if body else (),
            )
            for text in named:
                if text.strip().removeprefix("+").replace(" ", "").replace("-", "") not in self._recipients:
                    raise _refusal("it names a recipient that the configuration does not allow")
        except UnreadableError as error:
            raise _refusal(f"its body cannot be read safely: {error}") from None

    def _check_send(self, named: Named, request: httpx.Request, body: bytes) -> int:
        if named.campaign != self._campaigns[0] or request.url.query:
            raise _refusal("a send goes to the configured campaign, without a query")
        kind = request.headers.get("content-type", "")
        try:
            if named.operation == "batch_send":
                numbers = recipients_in(file_in(body, kind))
            elif kind == "application/json":
                numbers = [single_in(body)]
            else:
                raise UnreadableError("its content type is not application/json")
        except UnreadableError as error:
            raise _refusal(f"its recipients cannot be read safely: {error}") from None
        if len(numbers) > self._max_rows:
            raise _refusal(f"it has {len(numbers)} rows, more than limits.max_rows = {self._max_rows}")
        if not self._recipients.issuperset(numbers):
            raise _refusal("it names a recipient that the configuration does not allow")
        return len(numbers)


def _overrides(request: httpx.Request) -> bool:
    """Whether a server may take the request for one of another method."""
    names = [part.partition("=")[0] for part in re.split("[&;]", request.url.query.decode("ascii", "replace"))]
    return any("method" in unescaped(name).lower() for name in (*names, *request.headers))


def _refusal(why: str) -> GuardError:
    return GuardError(
        f"the guard did not send a request: {why}",
        hint="it stays here, and the run ends; docs/design.md says what may leave",
    )
