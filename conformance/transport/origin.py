"""Where the target is, and whether it may be tested: a base_url in one normal form (design.md section 4)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
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
    mend = 'write scheme, host and path only, such as "https://test.postman.gov.sg/api/v2"'
    if not url.strip():
        raise UsageError("no target is named", where=where, mend="give --target URL, or set target.base_url")
    if any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in url):
        raise UsageError("has a blank, control character or backslash in it", where=where, mend=mend)
    try:
        parts = urlsplit(url)
        scheme, host, port = _origin(url)
    except ValueError as error:
        raise UsageError(f"is no URL that can be tested ({error})", where=where, mend=mend) from None
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise UsageError("has user information, a query or a fragment", where=where, mend=mend)
    if "%" in parts.path or any(
        segment in (".", "..", "") for segment in parts.path.strip("/").split("/") if parts.path.strip("/")
    ):
        raise UsageError("has a path that is not plain", where=where, mend=mend)
    _refuse_production(host, booked)
    return BaseUrl(scheme, host, port, parts.path.rstrip("/"))


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
    if not name or any(not (c.isalnum() or c in "-._") for c in name) or ".." in name or name.startswith("."):
        raise ValueError("the host is no valid name")
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
            mend="set target.booked = true if you have booked it",
        )
    raise UsageError(
        f"{host} is, or may be, production, and is never tested",
        where="target.base_url",
        mend=f"use https://{_TEST}/api/v2",
    )
