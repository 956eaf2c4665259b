"""Reports from stories, for the tests of what is made of them."""

from __future__ import annotations

import msgspec

from conformance.catalogue import load
from conformance.deciding import decide
from conformance.history.records import Exchange, Footer, History, Invoke
from conformance.judges import judge
from conformance.report.build import build
from conformance.report.model import Report
from tests.story import Story

NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
UNRESOLVED = "unresolved_batch_messages"


def whole(story: Story, *, races: bool = False) -> History:
    """The story's history, closed; ``races``: retries right after each other are in one race."""
    history = story.history()
    header = msgspec.structs.replace(history.header, started="2026-01-01T08:00:00+08:00", contract_version="1.1")
    exchanges = tuple(_pathed(e.invoke, e) for e in history.exchanges)
    return msgspec.structs.replace(
        history,
        header=header,
        exchanges=exchanges,
        footer=Footer(t=story.now, complete=True, calls=len(exchanges), messages=0),
    )


def _pathed(invoke: Invoke, exchange: Exchange) -> Exchange:
    part = f"batch/{invoke.batch}" if invoke.batch else f"messages/{invoke.message or ''}"
    tail = "/retry" if "retry" in invoke.operation else ""
    return msgspec.structs.replace(exchange, invoke=msgspec.structs.replace(invoke, path=f"/campaigns/c/{part}{tail}"))


def reported(history: History, exit_status: int = 1) -> Report:
    """The report that a history gives."""
    catalogue = load()
    return build(
        history,
        decide(history, judge(history, catalogue), catalogue),
        catalogue,
        finished="2026-01-01T00:01:00+00:00",
        exit_status=exit_status,
        history_sha256="0" * 64,
        messages=0,
    )


def blocked_batch(name: str = "b") -> Story:
    """A batch of failed messages, one of which was just retried by itself and is ``created``."""
    story = Story().send("ctl", "F").send(name, "FFF").finish("ctl").finish(name).look("ctl").look(name)
    return story.single(f"{name}.0").read(f"{name}.0")


def accepted_although_created() -> Story:
    """BR-BLK-01 is broken."""
    return blocked_batch().retry("b", 201, takes=("b.1", "b.2")).read("b.0").look("b")


def refused_quiescent() -> Story:
    """BR-ACC-02 is broken."""
    story = Story().send("b", "FF").finish("b").look("b")
    for _ in range(4):
        story.retry("b", 400, NOT_RETRYABLE).wait(11).look("b")
    return story


def answered_with_a_body() -> Story:
    """BR-ACC-04 is broken."""
    return (
        Story().send("b", "FF").finish("b").look("b").retry("b", 201, size=2, body={}).look("b").finish("b").look("b")
    )


def wrong_code() -> Story:
    """BR-ERR-02 is broken."""
    story = blocked_batch()
    story.batches["b"] = "messages_enqueuing_failed"
    return story.retry("b", 400, "parameter_invalid").look("b")


def innocent() -> Story:
    """Nothing is broken."""
    return Story().send("b", "FF").finish("b").look("b").retry("b").look("b").finish("b").look("b")
