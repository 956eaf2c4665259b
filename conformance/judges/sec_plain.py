"""BR-SEC-06: the API answers over HTTPS only."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import Doubt, Exercise, Finding, Opinion
from conformance.history.records import Exchange
from conformance.judges.case import Case


def plain_http(case: Case) -> Iterator[Opinion]:
    """BR-SEC-06: plain HTTP finds no connection, a redirect to https, or a 4xx other than 401.

    Read off the answer. A 401 says that the API itself looked at the key, hence that a real one would have
    travelled in clear and been accepted; a made-up key is all that was sent.
    """
    for exchange in case.exchanges:
        if exchange.invoke.cause != "scheme:http":
            continue
        if _refused(exchange):
            yield Exercise(requirement="BR-SEC-06", evidence=(exchange.n,))
        elif exchange.open or exchange.status == 429:
            text = f"plain HTTP ({exchange.n}) got no answer that says anything ({exchange.status or 'lost'})"
            needs = ("a run in which the port answers, or is closed",)
            yield Doubt(requirement="BR-SEC-06", code="answer-lost", text=text, needs=needs, evidence=(exchange.n,))
        else:
            yield Finding(
                any_of=("BR-SEC-06",),
                summary="the target serves the API over plain HTTP",
                argument=(f"request {exchange.n} comes over plain HTTP and is answered {exchange.status}",),
                expected=("no connection", "a redirect to https", "a 4xx other than 401"),
                observed=f"{exchange.status}",
                evidence=(exchange.n,),
                counterfactual="would be legal if the answer led to https",
                scenario=exchange.invoke.scenario,
                subject=f"plain HTTP answered {exchange.status}",
            )


def _refused(exchange: Exchange) -> bool:
    end = exchange.end
    if end.outcome == "not_sent":
        return True
    if end.outcome == "lost":
        # A TLS port that hangs up on plain HTTP is no connection; silence may be anything.
        return end.first is None and "timeout" not in (end.error or "").lower().replace("-", "").replace(" ", "")
    status = exchange.status or 0
    if 300 <= status < 400:
        return any(k.lower() == "location" and v.lower().startswith("https:") for k, v in end.headers.items())
    return 400 <= status < 500 and status not in (401, 408, 429)
