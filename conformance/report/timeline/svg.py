"""A timeline as inline SVG: readable in print, in grey and by a screen reader. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from conformance.report.clock import Clock
from conformance.report.timeline.model import Bar, Call, Lane, Timeline

WIDTH = 960
#: Left edge of the drawing area: what is left of it holds the labels.
LEFT = 190
RIGHT = 20
ROW = 26
#: Height of a call of a race that is drawn to scale.
INSET = 16
#: Width of a character of the small text, at most.
_CHAR = 6.6
#: How each kind of mark looks where the page's style is stripped; the style's classes go before these.
_LOOKS = {
    "x": ' stroke="#c9d0d8" stroke-dasharray="2 3"',
    "r": ' fill="#0b5394"',
    "c": ' fill="none" stroke="#6b7580"',
    "m": ' stroke="#a61b12" stroke-width="2"',
    "f": ' fill="#e3b5b0" stroke="#1b1f24"',
    "ok": ' fill="#b6dcbf" stroke="#1b1f24"',
    "new": ' fill="#f3d99a" stroke="#1b1f24"',
    "p": ' fill="#cfe0f3" stroke="#1b1f24"',
    "o": ' stroke="#fff" stroke-width="3" paint-order="stroke"',
    "hl": ' stroke="#6b7580"',
}


def svg(shown: Timeline, clock: Clock, name: str) -> str:
    """The drawing. Colours and fonts come from the page's style (classes ``tl-…``), with grey-safe patterns in the drawing itself.

    :param name: unique on the page: prefix of its ids.
    """
    x = _scale(shown)
    parts: list[str] = []
    y = 40.0
    for call in shown.calls:
        parts.append(_call(call, x, y, shown))
        y += ROW
    y += 10
    for lane in (*([shown.batch] if shown.batch is not None else []), *shown.lanes):
        parts.append(_lane(lane, x, y, name))
        y += ROW
    if shown.more:
        parts.append(f'<text class="tl-l" x="4" y="{y + 14:.0f}">and {shown.more} more messages</text>')
        y += ROW
    mark = x(shown.mark)
    anchor = "end" if mark > WIDTH * 0.6 else "start"
    beside = -6 if anchor == "end" else 6
    parts.append(
        f'<line class="tl-m"{_LOOKS["m"]} x1="{mark:.1f}" x2="{mark:.1f}" y1="34" y2="{y + 4:.0f}"/>'
        f'<text class="tl-mt" x="{mark + beside:.1f}" y="{y + 18:.0f}" text-anchor="{anchor}">'
        f"▲ {escape(_cut(shown.said, 70))}</text>"
    )
    bottom, y = y, y + 44
    for race in _races(shown):
        parts.append(_inset(race, y))
        y += 30 + INSET * len(race)
    return (
        f'<svg class="tl" font-size="11" font-family="monospace" role="img" '
        f'aria-labelledby="{name}-t {name}-d" viewBox="0 0 {WIDTH} {y:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{name}-t">Timeline of the proof</title>'
        f'<desc id="{name}-d">{escape(_description(shown))}</desc>'
        f'<defs><pattern id="{name}-h" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<line class="tl-hl"{_LOOKS["hl"]} x1="0" y1="0" x2="0" y2="6"/></pattern></defs>'
        f"{_axis(shown, x, clock, bottom)}{''.join(parts)}</svg>"
    )


def _races(shown: Timeline) -> list[list[Call]]:
    """The calls that were released together, where the drawing shows at least two of them."""
    racing = [call for call in shown.calls if call.skew is not None]
    return [racing] if len(racing) > 1 else []


def _inset(race: Sequence[Call], y: float) -> str:
    """The calls of a race to scale: where the one was released, and where each was answered."""
    start, end = min(c.start for c in race), max(c.end for c in race)
    unit = (WIDTH - LEFT - RIGHT - 60) / max(end - start, 1e-9)
    apart = max(c.skew or 0.0 for c in race)
    parts = [
        f'<text class="tl-l" x="4" y="{y + 12:.0f}">the race, to scale: released {_seconds(apart)} apart, '
        f"all answered after {_seconds(end - start)}</text>"
    ]
    for row, call in enumerate(race):
        top, left, wide = (
            y + 20 + INSET * row,
            LEFT + (call.start - start) * unit,
            max((call.end - call.start) * unit, 2),
        )
        parts.append(
            f'<text class="tl-l" x="4" y="{top + 9:.0f}">{call.n}</text>'
            f'<rect class="tl-r"{_LOOKS["r"]} x="{left:.1f}" y="{top:.0f}" width="{wide:.1f}" height="10"/>'
            f'<text class="tl-a" x="{left + wide + 4:.1f}" y="{top + 9:.0f}">{escape(_cut(call.answer, 8))}</text>'
        )
    return f"<g>{''.join(parts)}</g>"


def _scale(shown: Timeline) -> Callable[[float], float]:
    """From seconds to units. Every instant at which something happens has room: gaps grow with the logarithm of their length.

    A race of a millisecond and a wait of ten minutes are both seen in one drawing; the axis says the seconds.
    """
    instants = sorted({shown.start, shown.end, shown.mark, *_instants(shown)})
    gaps = [1.0 + 3.0 * math.log10(1.0 + (b - a) / 0.002) for a, b in itertools.pairwise(instants)]
    total = sum(gaps) or 1.0
    places, at = [float(LEFT)], float(LEFT)
    for gap in gaps:
        at += gap / total * (WIDTH - LEFT - RIGHT)
        places.append(at)

    def x(t: float) -> float:
        if t <= instants[0]:
            return places[0]
        for i in range(1, len(instants)):
            if t <= instants[i]:
                part = (t - instants[i - 1]) / (instants[i] - instants[i - 1])
                return places[i - 1] + part * (places[i] - places[i - 1])
        return places[-1]

    return x


def _instants(shown: Timeline) -> Iterable[float]:
    for call in shown.calls:
        yield from (call.start, call.end)
    for lane in (*([shown.batch] if shown.batch is not None else []), *shown.lanes):
        for bar in lane.bars:
            yield from (min(max(t, shown.start), shown.end) for t in (bar.start, bar.end))


def _axis(shown: Timeline, x: Callable[[float], float], clock: Clock, bottom: float) -> str:
    """Ticks where calls begin and end, as far as there is room; seconds since the first of them, and the time of day once."""
    parts = [f'<text class="tl-l" x="4" y="16">{clock.utc(shown.start)}</text>']
    right, last = -math.inf, ""
    instants = sorted({shown.start, *(c.start for c in shown.calls), shown.mark, shown.end})
    for t in instants:
        place, text = x(t), f"+{_seconds(t - shown.start)}"
        end = place + len(text) * _CHAR > WIDTH
        begins = place - (len(text) * _CHAR if end else 0)
        if begins < right + _CHAR or text == last:
            continue
        last, right = text, begins + len(text) * _CHAR
        parts.append(
            f'<line class="tl-x"{_LOOKS["x"]} x1="{place:.1f}" x2="{place:.1f}" y1="30" y2="{bottom:.0f}"/>'
            f'<text class="tl-l" x="{place:.1f}" y="26" text-anchor="{"end" if end else "start"}">{text}</text>'
        )
    return "".join(parts)


def _seconds(value: float) -> str:
    if value < 0.01:
        return f"{1000 * value:.1f} ms"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.2f} s"


def _call(call: Call, x: Callable[[float], float], y: float, shown: Timeline) -> str:
    a, b = x(call.start), x(call.end)
    wide = max(b - a, 3.0)
    kind = "tl-r" if call.retry else "tl-c"
    what, mark, special = call.what.partition(" (")
    label = f"{call.n} {_SHORT.get(what, what)}{mark}{special}"
    late = f", {_seconds(call.skew)} later" if call.skew and call.skew >= 5e-5 else ""
    said = f"→ {call.answer}{late}"
    room = WIDTH - RIGHT - (a + wide) > len(said) * _CHAR + 6
    place, anchor = (a + wide + 4, "start") if room else (a - 4, "end")
    return (
        f"<g><title>exchange {call.n}: {escape(call.what)}, answered {escape(call.answer)}</title>"
        f'<text class="tl-l" x="4" y="{y + 15:.0f}">{escape(_cut(label, 29))}</text>'
        f'<rect class="{kind}"{_LOOKS["r" if call.retry else "c"]} x="{a:.1f}" y="{y + 3:.0f}" width="{wide:.1f}" height="16" '
        f'rx="2"/>'
        f'<text class="tl-a" x="{place:.1f}" y="{y + 15:.0f}" text-anchor="{anchor}">{escape(_cut(said, 60))}</text></g>'
    )


_SHORT = {
    "retry of the batch": "batch retry",
    "read of the listing": "read listing",
    "read of one message": "read message",
    "read of the campaign": "read campaign",
}


def _lane(lane: Lane, x: Callable[[float], float], y: float, name: str) -> str:
    known = [bar for bar in lane.bars if bar.shown != "no"]
    # What a bar has no room for is written beside it, as far as nothing is known there.
    free = [*(x(bar.start) for bar in known[1:]), float(WIDTH - RIGHT)]
    bars = "".join(_bar(bar, x, y, name) for bar in lane.bars)
    texts = "".join(_text(bar, x, y, until) for bar, until in zip(known, free, strict=False))
    return f'<g><text class="tl-l" x="4" y="{y + 15:.0f}">{escape(lane.label)}</text>{bars}{texts}</g>'


def _bar(bar: Bar, x: Callable[[float], float], y: float, name: str) -> str:
    a, wide = _span(bar, x)
    if bar.shown == "no":
        return (
            f'<rect class="tl-u" fill="url(#{name}-h)" x="{a:.1f}" y="{y + 5:.0f}" width="{wide:.1f}" height="12">'
            "<title>unknown</title></rect>"
        )
    group = _group(bar.status)
    assumed = " tl-w" if bar.shown == "assumed" else ""
    looks = _LOOKS[group] + (' fill-opacity="0.4" stroke-dasharray="4 3"' if assumed else "")
    return (
        f'<rect class="tl-s tl-{group}{assumed}"{looks} x="{a:.1f}" y="{y + 3:.0f}" width="{wide:.1f}" height="16">'
        f"<title>{escape(_said(bar))}</title></rect>"
    )


def _text(bar: Bar, x: Callable[[float], float], y: float, until: float) -> str:
    """What a bar says: in it, or beside it up to ``until``; nothing where there is no room."""
    a, wide = _span(bar, x)
    for text in (_said(bar), bar.status):
        if len(text) <= int((wide - 4) / _CHAR):
            return f'<text class="tl-b" x="{a + 3:.1f}" y="{y + 15:.0f}">{escape(text)}</text>'
    if len(bar.status) > int((until - a - wide - 6) / _CHAR):
        return ""
    return f'<text class="tl-o"{_LOOKS["o"]} x="{a + wide + 3:.1f}" y="{y + 15:.0f}">{escape(bar.status)}</text>'


def _span(bar: Bar, x: Callable[[float], float]) -> tuple[float, float]:
    a = x(bar.start)
    return a, max(x(bar.end) - a, 3.0)


def _said(bar: Bar) -> str:
    return bar.status + (f" · {_attempts(bar.attempts)}" if bar.attempts is not None else "")


def _attempts(count: int) -> str:
    return f"attempt {count}" if count else "no attempt"


def _group(status: str) -> str:
    return {"failure": "f", "success": "ok", "created": "new"}.get(status, "p")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _description(shown: Timeline) -> str:
    calls = "; ".join(f"{c.what} {c.n} answered {c.answer}" for c in shown.calls)
    return f"{calls}. {len(shown.lanes)} messages. At the end: {shown.said}. The table after it holds the same."
