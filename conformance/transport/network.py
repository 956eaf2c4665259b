"""httpx's own transport, with the certificates and the proxy of the configuration, and nothing of the environment."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from conformance.config import Target
from conformance.errors import UsageError


class _EncryptedError(Exception):
    """OpenSSL asks for a password."""


def inner_transport(target: Target, certificates: ssl.SSLContext | None = None) -> httpx.HTTPTransport:
    """A transport that makes the connections which the configuration describes.

    :param certificates: those of the configuration, if they have been read already.
    :raises UsageError: a certificate or proxy of it cannot be used; names the setting, the file and the reason.
    """
    context = certificates or read_certificates(target)
    try:
        return httpx.HTTPTransport(verify=context, trust_env=False, http2=False, proxy=target.proxy, retries=0)
    except (ValueError, httpx.InvalidURL):
        raise UsageError("is no URL of a proxy", where="target.proxy", hint="write http://host:port") from None


def read_certificates(target: Target) -> ssl.SSLContext:
    """The certificates of the configuration, for any number of transports: reading them takes longer than a call.

    :raises UsageError: one of them cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
    except ssl.SSLError:
        where, hint = f"target.ca_file ({target.ca_file})", "name a file of certificates in PEM form"
        raise UsageError("holds no certificate that can be read", where=where, hint=hint) from None
    except OSError as error:
        where = f"target.ca_file ({target.ca_file})"
        raise UsageError(f"cannot be read ({error.strerror})", where=where, hint="name a PEM file") from None
    if target.client_cert is not None:
        _load(context, target.client_cert)
    return context


def _load(context: ssl.SSLContext, path: str) -> None:
    """Load a client certificate and its key. Nobody is ever asked for a password."""

    def refuse() -> str:
        raise _EncryptedError

    where = f"target.client_cert ({path})"
    try:
        context.load_cert_chain(path, password=refuse)
    except _EncryptedError:
        hint = "name a PEM file whose key is not encrypted (openssl pkey -in FILE -out NEW)"
        raise UsageError("has an encrypted key, and no password is asked for", where=where, hint=hint) from None
    except ssl.SSLError as error:
        raise UsageError(_wrong_with(path, error), where=where, hint=_BOTH) from None
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=where, hint=_BOTH) from None


_BOTH = "name one PEM file with the certificate and its private key"


def _wrong_with(path: str, error: ssl.SSLError) -> str:
    try:
        text = Path(path).read_bytes()
    except OSError as unreadable:
        return f"cannot be read ({unreadable.strerror})"
    if b"-----BEGIN CERTIFICATE-----" not in text:
        return "holds no certificate"
    if b"PRIVATE KEY-----" not in text:
        return "holds no private key"
    if error.reason == "KEY_VALUES_MISMATCH":
        return "holds a key that does not belong to its certificate"
    return f"cannot be used ({error.reason or 'not PEM'})"
