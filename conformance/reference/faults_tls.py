"""Faults of a target of HTTPS in what it does with plain HTTP."""

from __future__ import annotations

from conformance.reference.behaviour import Answer, Behaviour, Call
from conformance.reference.mixins import Fault, fault

FAULTS: dict[str, Fault] = {}


class _Listens(Behaviour):
    """Base of what answers plain HTTP, instead of hanging up."""

    hangs_up = False


@fault(FAULTS, "the API is served over plain HTTP too", "BR-SEC-06", tls=True)
class ServesPlainHttp(_Listens):
    pass


@fault(FAULTS, "plain HTTP is redirected to another address, by plain HTTP again", "BR-SEC-06", tls=True)
class PlainHttpLeadsToPlainHttp(_Listens):
    def gateway(self, call: Call) -> Answer | None:
        if call.plain:
            return Answer(308, None, {"location": f"http://127.0.0.1/api/v2{call.path}"})
        return super().gateway(call)


@fault(FAULTS, "a gateway asks for credentials over plain HTTP", "BR-SEC-06", tls=True)
class PlainHttpAsksForCredentials(_Listens):
    def gateway(self, call: Call) -> Answer | None:
        if call.plain:
            return Answer(401, None, {"www-authenticate": "Bearer", "content-type": "text/plain"}, raw=b"Unauthorized")
        return super().gateway(call)


@fault(FAULTS, "plain HTTP is answered 200 with the page of a web server", "BR-SEC-06", tls=True)
class PlainHttpShowsAPage(_Listens):
    def gateway(self, call: Call) -> Answer | None:
        if call.plain:
            return Answer(200, None, {"content-type": "text/html"}, raw=b"<h1>It works!</h1>")
        return super().gateway(call)
