"""A plan in words, for `run --plan` and the doctor."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from conformance.config import Limits
from conformance.plan import Part, Plan
from conformance.program.patience import MOST_IN_VAIN


def plan_lines(plan: Plan, limits: Limits, width: int | None = None) -> list[str]:
    """The scenarios, and last what a run would cost, driver by driver, against its limits: the end is what stays on a screen.

    :param width: columns to fill; None leaves each line whole.
    """
    what = f"a replay of {plan.tries} tries" if plan.tries else "a run"
    lines = [f"nothing was sent; {what} costs", "", f"{'driver':14}{'messages':24}calls"]
    lines += [f"{part.driver:14}{_messages(part):24}{_calls(part)}" for part in plan.parts]
    lines += [
        f"{'likely':14}{plan.messages_likely:<24}{plan.calls_likely}",
        f"{'worst':14}{plan.messages_at_most:<24}{plan.calls_worst}",
    ]
    lines += [f"{'limits':14}{limits.max_messages:<24}{limits.max_calls}", ""]
    lines += [f"{head:14}{text}" for head, text in (*_whom(plan), *_price(plan), *_time(plan, limits))]
    lines += [f"{'SHORT':14}{line}" for line in shortages(plan)]
    lines = [part for line in lines for part in _folded(line, 14, width)]
    if not plan.scenarios:
        return lines
    told = [f"  {s.name:18} {s.title}" for s in plan.scenarios]
    return [
        f"{len(plan.scenarios)} scenarios",
        *(part for line in told for part in _folded(line, 21, width)),
        "",
        *lines,
    ]


def _folded(line: str, indent: int, width: int | None) -> list[str]:
    if width is None or len(line) <= width:
        return [line]
    return textwrap.wrap(line, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def _whom(plan: Plan) -> Iterator[tuple[str, str]]:
    whom = ", ".join(f"{count} to {role} numbers" for role, count in plan.recipients.items())
    if whom:
        yield "sent", f"{whom}; the other messages are retries"
        if plan.exploring_messages:
            yield "", "machine draws whom it texts of the same numbers, beside these"
    elif plan.exploring_messages:
        yield "sent", "machine draws whom it texts of the configured numbers"
    else:
        yield "sent", "nobody is texted"


def _price(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.price is None or plan.price_at_most is None:
        return
    at_most = f"{plan.price_at_most:.2f} at most, by limits.price_per_message"
    yield "price", f"{plan.price:.2f} for what is planned, {at_most}" if plan.price else at_most


def _time(plan: Plan, limits: Limits) -> Iterator[tuple[str, str]]:
    rate = f"{limits.calls_per_second:g} calls a second"
    chain = f"{plan.deliveries} deliveries one after the other"
    yield "time", f"likely {_span(plan.seconds_likely)} at {rate}, or {chain}, whichever is longer"
    yield (
        "",
        f"if effects never come, up to {_span(plan.seconds_in_vain)} more ({MOST_IN_VAIN:g} x timing.settle_timeout)",
    )
    yield "", f"{_span(limits.max_seconds)} at most, by limits.max_seconds"


def shortages(plan: Plan) -> Iterator[str]:
    """A sentence for each limit that does not hold the plan."""
    for short in plan.short:
        what = f"limits.{short.limit} is {short.has:g}, but {short.what} {short.needs}"
        yield f"{what}: raise it, or {short.then}"


def _messages(part: Part) -> str:
    if part.messages is None:
        return f"{part.messages_at_most} at most"
    return f"{part.messages}, {part.messages_at_most} at most"


def _calls(part: Part) -> str:
    if part.calls is None:
        return f"{part.calls_at_most} at most"
    return f"about {part.calls_likely}; {part.calls} without polling, {part.calls_at_most} at most"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
