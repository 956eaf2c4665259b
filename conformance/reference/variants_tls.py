"""Variants of a target of HTTPS: what it may do with plain HTTP, beside hanging up."""

from __future__ import annotations

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Variant, variant

VARIANTS: dict[str, Variant] = {}


@variant(VARIANTS, "HTTPS, and a connection by plain HTTP is closed", "requirement BR-SEC-06", tls=True)
class HttpsOnly(Behaviour):
    pass


@variant(VARIANTS, "HTTPS, and plain HTTP is redirected to it", "requirement BR-SEC-06", tls=True)
class PlainHttpIsRedirected(Behaviour):
    hangs_up = False

    def gateway(self, call: Call) -> Answer | None:
        if call.plain:
            return Answer(301, None, {"location": f"https://{call.headers.get('host', '')}/api/v2{call.path}"})
        return super().gateway(call)


@variant(VARIANTS, "HTTPS, and plain HTTP is answered 400 with a web server's page", "requirement BR-SEC-06", tls=True)
class PlainHttpIs400(Behaviour):
    hangs_up = False

    def gateway(self, call: Call) -> Answer | None:
        if call.plain:
            page = b"<h1>400 Bad Request</h1><p>The plain HTTP request was sent to HTTPS port</p>"
            return Answer(400, None, {"content-type": "text/html"}, raw=page)
        return super().gateway(call)
