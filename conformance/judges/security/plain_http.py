"""SEC-06: the API answers over HTTPS only."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.findings import DoubtReason
from conformance.history.records import Exchange
from conformance.judges.inference.inference import Inference
from conformance.judges.inference.proof import Proof
from conformance.judges.rule import Exercised, InDoubt, Judgement, Violated, rule, whole_run


@rule(
    "BR-SEC-06",
    whole_run,
    violation="the target serves the API over plain HTTP",
    expected=("no connection", "a redirect to https", "a 4xx other than 401"),
    legal_if="the answer led to https",
    subject="plain HTTP answered",
    first_only=True,
)
def https_only(inference: Inference) -> Iterator[Judgement]:
    """Plain HTTP finds no connection, a redirect to https, or a 4xx other than 401.

    Read off the answer. A 401 says that the API itself looked at the key, hence that a real one would have travelled in clear and
    been accepted; a made-up key is all that was sent.
    """
    for exchange in inference.case.exchanges:
        if exchange.invoke.cause != "scheme:http":
            continue
        came = f"{exchange.status or 'nothing'}"
        proof = Proof(
            because=(f"request {exchange.n} comes over plain HTTP and is answered {came}",), evidence=(exchange.n,)
        )
        if _refused(exchange):
            yield Exercised(proof=proof)
        elif exchange.open or exchange.status == 429:
            text = f"plain HTTP ({exchange.n}) got no answer that says anything ({exchange.status or 'lost'})"
            yield InDoubt(reason=DoubtReason.ANSWER_LOST, text=text, evidence=(exchange.n,))
        else:
            yield Violated(
                proof=proof, observed=came, defect=f"{came} ({exchange.end.media})", scenario=exchange.invoke.scenario
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


RULES = (https_only,)
