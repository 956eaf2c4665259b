"""The headline of a cause: what happened, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.contract.vocabulary import error_code
from conformance.findings import SURPLUS, Finding
from conformance.history.records import Exchange, History

RETRIES = ("batch_retry", "single_retry")
#: What each requirement suspects of a surplus attempt (contract, section 4), the likeliest first.
SUSPECTS = {
    "BR-SEC-01": "a retry without a valid key",
    "BR-SEC-07": "a retry with an altered key",
    "BR-SEC-02": "a retry with another campaign's key",
    "BR-SEC-03": "a retry through another campaign's path",
    "BR-SEC-04": "a request with another method",
    "BR-SGL-03": "a single retry across campaigns",
    "BR-ERR-06": "a retry that was answered 429",
    "BR-BLK-03": "a refused retry that was carried out",
    "BR-SGL-01": "a refused single retry that was carried out",
    "BR-SEL-05": "an accepted retry, carried out more than once",
    "BR-SEL-02": "an accepted retry of a message that was not failed",
    "BR-SGL-02": "a single retry of another message",
    "BR-SEL-07": "another batch's retry, or none at all",
}
#: Characters of a headline at most.
MOST = 240


def headline(
    finding: Finding, shown: Sequence[Exchange], history: History, *, raced: bool, always: Sequence[str] = ()
) -> str:
    """One sentence about what the target did.

    :param shown: the exchanges of the finding's evidence.
    :param raced: every finding of the cause is about retries that were released together.
    :param always: requirements that every finding of the cause names.
    """
    said = _surplus(finding, always) or _sentence(finding.summary)
    if raced and (members := _race(shown, history)):
        said = f"{_sentence(finding.summary)}, in a race: {_together(members)}"
    return said if len(said) <= MOST else f"{said[: MOST - 1]}…"


def answer(exchange: Exchange) -> str:
    """How an exchange ended, for people: ``400 unresolved_batch_messages``, ``no answer``."""
    if not exchange.answered:
        return "not sent" if exchange.end.outcome == "not_sent" else "no answer"
    return f"{exchange.status} {error_code(exchange.end.body) or ''}".rstrip()


def _surplus(finding: Finding, always: Sequence[str]) -> str:
    """Of an attempt that no retry explains: what is suspected of it each time. That is no verdict, and not worded like one.

    Not where another answer contradicts it: that the views disagree (BR-IDS-07) is what to look into first.
    """
    if finding.kind.partition(": ")[0] != SURPLUS or "BR-IDS-07" in always:
        return ""
    suspects = [words for name, words in SUSPECTS.items() if name in always] or ["several retries"]
    gained = f"A message gained more attempts than retries can have given it ({finding.observed})"
    return f"{gained}; suspected: {' or '.join(suspects[:3])}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _race(shown: Sequence[Exchange], history: History) -> list[Exchange]:
    """The retry calls that were released together with the first one of the evidence that was in a race."""
    number = next((e.invoke.race for e in shown if e.invoke.race is not None and e.invoke.operation in RETRIES), None)
    if number is None:
        return []
    return [e for e in history.exchanges if e.invoke.race == number and e.invoke.operation in RETRIES]


def _together(members: Sequence[Exchange]) -> str:
    left = [e.end.released if e.end.released is not None else e.t for e in members]
    apart = 1000 * (max(left) - min(left))
    skew = f"{apart:.1f} ms apart" if apart >= 0.1 else "less than 0.1 ms apart"
    answers = [str(e.status) if e.answered else "no answer" for e in members]
    came = f"were all answered {answers[0]}" if len(set(answers)) == 1 else f"were answered {' and '.join(answers)}"
    if len(members) == 2 and len(set(answers)) == 1:
        came = f"were both answered {answers[0]}"
    count = {2: "two", 3: "three", 4: "four"}.get(len(members), str(len(members)))
    return f"{count} retries released {skew} {came}"
