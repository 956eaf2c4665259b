"""report.html: static, complete without script, of bounded size, and a target's words in it are only words."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import msgspec
import pytest

from conformance.catalogue import load
from conformance.history.records import History
from conformance.report.clock import Clock
from conformance.report.model import Report
from conformance.report.page import page
from conformance.report.timeline import Bar, Call, Lane, Timeline, svg, timeline
from tests.reported import accepted_although_created, innocent, reported, whole
from tests.story import Story

VOID = {"meta", "input", "br"}


class _Outline(HTMLParser):
    """What a page holds: open elements must be closed in order; ids, links, headings, texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.remote: list[str] = []
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        href = given.get("href") or ""
        if href.startswith("#"):
            self.links.append(href[1:])
        if given.get("src") or (tag == "link"):
            self.remote.append(tag)
        if any(name.startswith("on") for name in given):
            self.remote.append(f"{tag} with a handler")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def _outline(text: str) -> _Outline:
    outline = _Outline()
    outline.feed(text)
    outline.close()
    assert outline.open == []
    return outline


def _page(history: History, report: Report | None = None) -> str:
    return page(report or reported(history), history, load())


def test_the_page_is_whole_without_script_and_loads_nothing() -> None:
    history = whole(accepted_although_created())
    report = reported(history)
    text = _page(history, report)
    outline = _outline(text)
    assert outline.remote == []
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.links) <= set(outline.ids)
    assert {"cause-1", *(r.id for r in report.chosen)} <= set(outline.ids)
    assert {f"x{n}" for n in report.causes[0].evidence} <= set(outline.ids), "what a cause cites is there in full"
    without = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert all(r.id in without and r.title.split("<")[0] for r in report.chosen)
    assert '<html lang="en">' in text
    assert 'name="viewport"' in text
    levels = [int(h[1]) for h in outline.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), "no level is left out"
    for drawing in re.findall(r"<svg.*?</svg>", text, re.S):
        assert "<title id=" in drawing
        assert "<desc id=" in drawing
    assert text.count("<svg") == text.count("The timeline as a table") > 0


def test_a_page_without_failures_has_no_causes() -> None:
    text = _page(whole(innocent()))
    _outline(text)
    assert "What went wrong" not in text


HOSTILE = "</script></pre></style><script>alert(1)</script><img src=x onerror=a> \"' &lt; \x1b[2J \u202e"


def test_words_of_a_target_are_only_words() -> None:
    history = whole(accepted_although_created())
    report = reported(history)
    cause = msgspec.structs.replace(report.causes[0], headline=HOSTILE)
    items = tuple(
        msgspec.structs.replace(r, findings=tuple(msgspec.structs.replace(f, observed=HOSTILE) for f in r.findings))
        for r in report.requirements
    )
    spoilt = msgspec.structs.replace(report, causes=(cause,), requirements=items)
    exchanges = tuple(
        msgspec.structs.replace(e, end=msgspec.structs.replace(e.end, headers={"server": HOSTILE}))
        for e in history.exchanges
    )
    outline = _outline(_page(msgspec.structs.replace(history, exchanges=exchanges), spoilt))
    assert outline.remote == []
    assert outline.elements.count("script") == 1
    assert "img" not in outline.elements
    text = _page(history, spoilt)
    assert not {"\x1b", "\u202e"} & set(text)


def test_a_page_of_many_exchanges_and_causes_is_bounded() -> None:
    history = whole(accepted_although_created())
    report = reported(history)
    body = {"data": [{"id": f"m{i}", "latestStatus": "failure", "fullMessage": "x" * 2700} for i in range(20)]}
    big = tuple(
        msgspec.structs.replace(
            e,
            invoke=msgspec.structs.replace(e.invoke, n=n),
            end=msgspec.structs.replace(e.end, n=n, body=body, media="json"),
        )
        for n in range(1, 5001)
        for e in [history.exchanges[2]]
    )
    many = tuple(
        msgspec.structs.replace(report.causes[0], number=k, evidence=tuple(range(100 * k, 100 * k + 90)))
        for k in range(1, 11)
    )
    text = _page(msgspec.structs.replace(history, exchanges=big), msgspec.structs.replace(report, causes=many))
    assert len(text.encode()) < 3_000_000
    _outline(text)
    assert all(f'id="cause-{k}"' in text and f'id="x{100 * k}"' in text for k in range(1, 11)), (
        "each cause has its first ones"
    )


def _contrast(a: str, b: str) -> float:
    def light(colour: str) -> float:
        full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
        parts = [int(full[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_texts_stand_out_in_both_schemes() -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    text = _page(whole(innocent()))
    schemes = [dict(re.findall(r"--([\w]+):(#[0-9a-f]{3,6})", part)) for part in re.findall(r":root\{[^}]*\}", text)]
    assert len(schemes) == 3, "light, dark, print"
    words = ("fg", "dim", "link", "fail", "error", "inconclusive", "not_run", "pass", "not_applicable", "mark")
    for scheme in schemes:
        for name in words:
            for ground in ("bg", "soft"):
                assert _contrast(scheme[name], scheme[ground]) >= 4.5, (name, ground)
        for bar in ("failure", "success", "created", "progress"):
            assert _contrast(scheme["fg"], scheme[bar]) >= 4.5, bar


BARS: dict[str, tuple[Story, str, list[tuple[str, str]]]] = {
    "seen before and after in one attempt": (
        Story().send("b", "F").finish("b").look("b").wait(1).look("b"),
        "b.0",
        [("failure", "yes")],
    ),
    "no number of attempts": (
        Story(fields=()).send("b", "F").finish("b").look("b").wait(1).look("b"),
        "b.0",
        [("failure", "yes"), ("failure", "assumed"), ("failure", "yes")],
    ),
    "another in between": (
        Story().send("b", "F").look("b").finish("b").look("b"),
        "b.0",
        [("created", "yes"), ("unknown", "no"), ("failure", "yes")],
    ),
}


@pytest.mark.parametrize("name", BARS)
def test_a_bar_is_firm_only_where_readings_show_it(name: str) -> None:
    story, message, expected = BARS[name]
    shown = timeline(whole(story), [e.n for e in story.exchanges], "observed: x")
    assert shown is not None
    lane = next(lane for lane in shown.lanes if lane.id == message)
    assert [(bar.status, bar.shown) for bar in lane.bars] == expected


def test_the_status_of_a_batch_is_never_firm_between_readings() -> None:
    story = Story().send("b", "F").finish("b").look("b").wait(1).look("b")
    shown = timeline(whole(story), [e.n for e in story.exchanges], "observed: x")
    assert shown is not None
    assert shown.batch is not None
    assert [bar.shown for bar in shown.batch.bars] == ["yes", "assumed", "yes"]


def test_a_drawing_says_what_happened_and_stays_inside() -> None:
    story = accepted_although_created()
    history = whole(story)
    report = reported(history)
    shown = timeline(history, report.causes[0].evidence, "observed: 201")
    assert shown is not None
    drawing = svg(shown, Clock(history.header.started), "t1")
    assert "→ 201" in drawing
    assert "observed: 201" in drawing
    assert "created" in drawing
    places = [float(p) for p in re.findall(r' x="([\d.]+)"', drawing)]
    assert all(0 <= p <= 960 for p in places)
    assert timeline(history, (999,), "x") is None


def test_what_a_bar_has_no_room_for_is_written_beside_it_where_nothing_is_known() -> None:
    def texts(*bars: Bar) -> list[str]:
        lane = Lane(id="m", label="m", bars=bars)
        shown = Timeline(start=0.0, end=60.0, calls=(), batch=None, lanes=(lane,), more=0, mark=60.0, said="x")
        return re.findall(r'class="(tl-[bo])"', svg(shown, Clock("2026-01-01T00:00:00+00:00"), "t1"))

    short = Bar(start=0.0, end=0.0001, status="success", attempts=1, shown="yes")
    unknown = Bar(start=0.0001, end=59.0, status="", attempts=None, shown="no")
    assert texts(short, unknown) == ["tl-o"]
    assert texts(Bar(start=0.0, end=59.0, status="success", attempts=1, shown="yes")) == ["tl-b"]
    many = [Bar(start=n / 1e4, end=(n + 1) / 1e4, status="s" * 40, attempts=1, shown="yes") for n in range(5)]
    assert texts(*many, Bar(start=1.0, end=60.0, status="created", attempts=2, shown="yes")) == ["tl-b"]


def test_a_race_is_drawn_to_scale_too() -> None:
    def drawn(*skews: float | None) -> str:
        calls = [
            Call(n=n, start=1 + (skew or 0), end=1.1, what="retry of the batch", answer="201", retry=True, skew=skew)
            for n, skew in enumerate(skews, 7)
        ]
        shown = Timeline(
            start=0.5, end=1.2, calls=tuple(calls), batch=None, lanes=(), more=0, mark=1.1, said="observed: 201"
        )
        return svg(shown, Clock("2026-01-01T00:00:00+00:00"), "t1")

    raced = drawn(0.0, 0.025)
    assert "the race, to scale: released 25 ms apart, all answered after 100 ms" in raced
    spans = [(float(x), float(w)) for x, w in re.findall(r'x="([\d.]+)" y="\d+" width="([\d.]+)" height="10"', raced)]
    assert [round(w / spans[0][1], 2) for _, w in spans] == [1.0, 0.75]
    assert round((spans[1][0] - spans[0][0]) / spans[0][1], 2) == 0.25
    assert "to scale" not in drawn(None, None)


def test_a_timeline_is_about_the_batch_that_the_proof_names_first() -> None:
    story = Story().send("ctl", "F").send("b", "F").finish("ctl").finish("b").look("ctl").look("b")
    story.single("ctl", 400).retry("b").look("b").look("ctl")
    numbers = {e.invoke.batch or e.invoke.message: e.n for e in story.exchanges if "retry" in e.invoke.operation}
    last = story.exchanges[-1].n
    shown = timeline(whole(story), (numbers["b"], numbers["ctl"], last), "observed: two attempts")
    assert shown is not None
    assert [lane.id for lane in shown.lanes] == ["b.0"]
    assert shown.mark < story.exchanges[-1].last, "the control batch shows no contradiction"
