"""Where the target is, and whether it may be tested: a base_url in one normal form (design.md section 4)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import idna

from conformance.errors import UsageError

#: Hosts of the government's domain that may be tested.
_TEST = "test.postman.gov.sg"
_LOADTEST = "loadtest.postman.gov.sg"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class BaseUrl:
    """A base_url taken apart: scheme, host (lower-case ASCII, no trailing dot), port, path without a trailing slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """Host and port as a URL writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The normal form, without a trailing slash."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def plain(self) -> BaseUrl:
        """The same by plain HTTP: the usual port becomes the usual one, any other stays."""
        port = _DEFAULT_PORTS["http"] if self.port == _DEFAULT_PORTS[self.scheme] else self.port
        return BaseUrl("http", self.host, port, self.path)

    def reached_by(self, scheme: str, host: str, port: int | None) -> bool:
        """Whether a client that is told these goes to our origin. None is the scheme's usual port."""
        usual = _DEFAULT_PORTS.get(scheme)
        try:
            return (scheme, _host(host), usual if port is None else port) == (self.scheme, self.host, self.port)
        except ValueError:
            return False

    def same_origin(self, url: str) -> bool:
        """Whether scheme, host and port of ``url`` are ours."""
        try:
            other = _origin(url)
        except ValueError:
            return False
        return other == (self.scheme, self.host, self.port)

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_base_url(url: str, *, booked: bool = False) -> BaseUrl:
    """A base_url that may be tested.

    :param booked: the load-test environment is booked for this run.
    :raises UsageError: it is no plain http(s) URL, or it names a host that may not be tested.
    """
    where = "target.base_url"
    hint = 'write scheme, host and path only, such as "https://test.postman.gov.sg/api/v2"'
    if not url.strip():
        raise UsageError("no target is named", where=where, hint="give --target URL, or set target.base_url")
    if any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in url):
        raise UsageError("has a blank, control character or backslash in it", where=where, hint=hint)
    try:
        parts = urlsplit(url)
        scheme, host, port = _origin(url)
    except ValueError:
        raise UsageError("is no http or https URL with a plain host and port", where=where, hint=hint) from None
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise UsageError("has user information, a query or a fragment", where=where, hint=hint)
    path = parts.path.removesuffix("/")
    if not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)*", path) or {".", ".."} & set(path.split("/")):
        raise UsageError("has a path that is not plain", where=where, hint=hint)
    _refuse_production(host, booked)
    return BaseUrl(scheme, host, port, path)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, normal host and port; raises ValueError."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("the scheme is not http or https")
    if not parts.hostname:
        raise ValueError("there is no host")
    port = parts.port  # raises ValueError itself
    return scheme, _host(parts.hostname), _DEFAULT_PORTS[scheme] if port is None else port


@lru_cache(maxsize=64)
def _host(host: str) -> str:
    """The host's one normal form; raises ValueError for what has none."""
    if "%" in host:
        raise ValueError("the host is percent-encoded or has a zone")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    name = host.lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"the host is no valid name: {error}") from None
    name = name.removesuffix(".")
    labels = name.split(".")
    if not re.fullmatch(r"[a-z0-9._-]+", name) or "" in labels:
        raise ValueError("the host is no valid name")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise ValueError("the host is an address in an odd spelling")
    return name


def _refuse_production(host: str, booked: bool) -> None:
    if host != "gov.sg" and not host.endswith(".gov.sg"):
        return
    if host == _TEST or (host == _LOADTEST and booked):
        return
    if host == _LOADTEST:
        raise UsageError(
            f"{host} may be used by booking only",
            where="target.base_url",
            hint="set target.booked = true if you have booked it",
        )
    raise UsageError(
        f"{host} is, or may be, production, and is never tested",
        where="target.base_url",
        hint=f"use https://{_TEST}/api/v2",
    )
