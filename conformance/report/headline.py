"""The headline of a cause: what happened, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.contract.vocabulary import error_code
from conformance.findings import Finding
from conformance.history.records import Exchange, History

RETRIES = ("batch_retry", "single_retry")
#: How findings about surplus attempts are called (``judges/ledger_rules.py``).
SURPLUS = "attempt that no retry explains"
#: Characters of a headline at most.
MOST = 240


def headline(finding: Finding, shown: Sequence[Exchange], history: History, *, raced: bool) -> str:
    """One sentence about what the target did.

    :param shown: the exchanges of the finding's evidence.
    :param raced: every finding of the cause is about retries that were released together.
    """
    said = _surplus(finding) or _sentence(finding.summary)
    if raced and (members := _race(shown, history)):
        said = f"A race: {_together(members)}; {finding.summary}"
    return said if len(said) <= MOST else f"{said[: MOST - 1]}…"


def answer(exchange: Exchange) -> str:
    """How an exchange ended, for people: ``400 unresolved_batch_messages``, ``no answer``."""
    if not exchange.answered:
        return "not sent" if exchange.end.outcome == "not_sent" else "no answer"
    return f"{exchange.status} {error_code(exchange.end.body) or ''}".rstrip()


def _surplus(finding: Finding) -> str:
    """Of an attempt that no retry explains: what is suspected of it first. That is no verdict, and is not worded like one."""
    subject, _, suspect = finding.kind.partition(": ")
    if subject != SURPLUS:
        return ""
    by = "no retry had reached it" if suspect == "no retry" else f"suspected first: {_article(suspect)}"
    return f"A message gained more attempts than retries can have given it ({finding.observed}); {by}"


def _article(text: str) -> str:
    return f"{'an' if text[:1] in 'aeiou' else 'a'} {text}"


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
    skew = f"{1000 * (max(left) - min(left)):.1f} ms apart"
    answers = [str(e.status) if e.answered else "no answer" for e in members]
    came = f"were all answered {answers[0]}" if len(set(answers)) == 1 else f"were answered {' and '.join(answers)}"
    if len(members) == 2 and len(set(answers)) == 1:
        came = f"were both answered {answers[0]}"
    count = {2: "two", 3: "three", 4: "four"}.get(len(members), str(len(members)))
    return f"{count} retries released {skew} {came}"
