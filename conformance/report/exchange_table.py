"""The exchanges that prove a verdict, as a table of report.html: what left, what came, and what the judges saw in it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape

from conformance.history.records import Exchange, History
from conformance.judges.inference.readings import Reading, readings
from conformance.report.clean import harmless
from conformance.report.concern import Concern, concern
from conformance.verdicts.shown import sent

#: Exchanges that one table shows at most; the rest are in history.jsonl.
MAX_EXCHANGES = 12
#: Messages of one answer that are told apart.
MAX_MESSAGES = 6
#: Characters of a body that is told as it is.
MAX_BODY = 300
#: Characters of one cell at most.
MAX_CELL = 4000
#: Characters of an id that tell it from others at a glance.
_TAIL = 6
_ID = re.compile(r"(?:[a-z]+_)*[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def exchange_table(history: History, numbers: Sequence[int]) -> str:
    """A table of these exchanges, in HTML. Every text of a target's is escaped."""
    wanted = dict.fromkeys(numbers)
    shown = [e for e in history.exchanges if e.n in wanted]
    about = concern(sent(history), wanted)
    more = f"<p>{len(shown) - MAX_EXCHANGES} more in history.jsonl</p>" if len(shown) > MAX_EXCHANGES else ""
    head = "".join(f"<th>{name}</th>" for name in ("#", "seconds", "request", "answer", "what it shows"))
    rows = "".join(_row(e, about) for e in shown[:MAX_EXCHANGES])
    return f"<dt>Exchanges</dt><dd><table><tr>{head}</tr>{rows}</table>{more}</dd>"


def _row(exchange: Exchange, about: Concern) -> str:
    invoke, end = exchange.invoke, exchange.end
    odd = [text for text in (invoke.cause, "" if invoke.auth == "valid" else f"key: {invoke.auth}") if text]
    query = "".join(f"&{name}={value}" for name, value in invoke.query).replace("&", "?", 1)
    path = _ID.sub(lambda match: _short(match.group()), invoke.path)
    request = f"{invoke.method} {path}{query}" + (f"\nwith {', '.join(odd)}" if odd else "")
    answer = str(exchange.status) if exchange.answered else end.outcome.replace("_", " ")
    texts = (str(invoke.n), f"{invoke.t:.3f}–{end.last:.3f}", request, answer, _shows(exchange, about))
    return f"<tr>{''.join(f'<td>{_lines(text)}</td>' for text in texts)}</tr>"


def _lines(text: str) -> str:
    return escape(harmless(text[:MAX_CELL])).replace("\n", "<br>")


def _shows(exchange: Exchange, about: Concern) -> str:
    """What an answer shows: of messages what the judges look at, of anything else the body."""
    seen = list(readings(exchange))
    if seen:
        first = [s for s in seen if about.named(s)] or [s for s in seen if about.holds(s)] or seen
        rest = len(seen) - len(first[:MAX_MESSAGES])
        lines = [_sight(s) for s in first[:MAX_MESSAGES]]
        return "\n".join([*lines, f"and {rest} more messages"] if rest else lines)
    end = exchange.end
    if end.error:
        return end.error
    body = "" if end.body is None else json.dumps(end.body, ensure_ascii=False)
    return body[:MAX_BODY] + ("…" if len(body) > MAX_BODY else "") or "an empty body"


def _short(identifier: str) -> str:
    return f"…{identifier[-_TAIL:]}" if len(identifier) > 2 * _TAIL else identifier


def _sight(sight: Reading) -> str:
    parts = [f"{_short(sight.message)} {sight.status}"]
    if sight.attempts is not None:
        told = ", ".join(str(a.status) for a in sight.attempts)
        parts.append(f"{len(sight.attempts)} attempt{'' if len(sight.attempts) == 1 else 's'} ({told})")
    if sight.updated_at is not None:
        parts.append(f"updated {sight.updated_at.time().isoformat('milliseconds')}")
    parts += [f"batch {_short(batch)} {status}" for batch, status in sight.batch_statuses.items()]
    return ", ".join(parts)
