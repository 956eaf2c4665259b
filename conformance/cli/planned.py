"""A plan in words, for `run --plan` and the doctor."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.config import Limits
from conformance.plan import Part, Plan


def plan_lines(plan: Plan, limits: Limits) -> list[str]:
    """What a run would cost, driver by driver, against its limits; then the scenarios."""
    lines = ["nothing was sent; a run costs", "", f"{'driver':14}{'messages':24}calls"]
    lines += [f"{part.driver:14}{_messages(part):24}{_calls(part)}" for part in plan.parts]
    lines += [f"{'limits':14}{limits.max_messages:<24}{limits.max_calls}", ""]
    whom = ", ".join(f"{count} to {role} numbers" for role, count in plan.recipients.items()) or "nobody"
    lines.append(f"{'sent':14}{whom}; the other messages are retries")
    if plan.exploring_messages:
        lines.append(f"{'':14}machine draws whom it texts of the same numbers, beside these")
    if plan.price is not None:
        told = ", without machine" if plan.exploring_messages else ""
        lines.append(f"{'price':14}{plan.price:.2f}, by limits.price_per_message{told}")
    rate = f"{limits.calls_per_second:g} calls a second"
    lines.append(
        f"{'time':14}likely {_span(plan.seconds_likely)}, and the time of a delivery or two; {_bound(plan, limits)}"
    )
    lines.append(
        f"{'':14}(the likely calls at {rate}; scenarios wait side by side, so deliveries add up once or twice)"
    )
    lines += shortages(plan)
    if plan.scenarios:
        lines += ["", f"{len(plan.scenarios)} scenarios", *(f"  {s.name:18} {s.title}" for s in plan.scenarios)]
    return lines


def shortages(plan: Plan) -> Iterable[str]:
    """A line for each limit that does not hold the plan."""
    for short in plan.short:
        what = f"limits.{short.limit} is {short.has:g}, but {short.what} {short.needs}"
        yield f"{'SHORT':14}{what}: raise it, or the run ends early"


def _messages(part: Part) -> str:
    if part.messages is None:
        return f"{part.messages_at_most} at most"
    return f"{part.messages}, {part.messages_at_most} at most"


def _calls(part: Part) -> str:
    if part.calls is None:
        return f"{part.calls_at_most} at most"
    return f"about {part.calls_likely}; {part.calls} without polling, {part.calls_at_most} at most"


def _bound(plan: Plan, limits: Limits) -> str:
    at_most = min(max(plan.seconds_at_most, plan.seconds_likely), limits.max_seconds)
    return f"{_span(at_most)} at most"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
