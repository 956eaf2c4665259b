"""Broken targets of the families ACC, BLK, CON, ERR and SEC: the finding names the requirement, and what else may be broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.story import Story
from tests.test_judge_innocents import (
    BODY,
    ENQUEUED,
    FAILED,
    HTML,
    NOT_RETRYABLE,
    UNRESOLVED,
    blocked,
    both_accepted,
    carried_out_500,
    done,
    five_hundreds,
    lost_race_500,
    lost_to_a_single,
    ready,
    together,
)


def repeated(story: Story, status: int, *, times: int = 3, media: str | None = HTML, code: str = "x") -> Story:
    """The same answer again and again, with reads between, and no effect."""
    for _ in range(times):
        story.retry("b", status, None if media else code, body=media).look("b")
    return story.wait(11).look("b")


def blocked_then_500() -> Story:
    """500 next to a created message, and three times when it has failed."""
    story = blocked().retry("b", 500, "x").look("b").move("b.0", "failure").look("b")
    return five_hundreds(story).wait(11).look("b")


def first_500_carried_out() -> Story:
    story = ready("F").retry("b", 500, takes=("b.0",)).look("b").finish("b")
    return done(story.look("b").retry("b", 500).look("b").retry("b", 500).look("b"))


def gateway_accepts_thrice() -> Story:
    story = ready("F")
    for _ in range(3):
        done(story.look("b").retry("b", 200, takes=("b.0",)).look("b"))
    return story


def status_stays(*, lag: float | None = None, wait: float = 1.0) -> Story:
    story = ready(lag=lag).single("b.0").wait(2).look("b").wait(2).retry("b", 400, UNRESOLVED).wait(0.2).look("b")
    return story.wait(wait).look("b")


def status_stays_in_three_rounds() -> Story:
    """One answer after each of three first refusals, of three batches."""
    story = Story()
    for batch in ("a", "b", "c"):
        story.send(batch, "FF").finish(batch).look(batch).single(f"{batch}.0").look(batch)
        story.retry(batch, 400, UNRESOLVED).read(f"{batch}.0").finish(batch)
    return story


def refused_and_carried_out(story: Story, status: int, code: str, cause: str | None = None) -> Story:
    return done(story.retry("b", status, code, takes=("b.1",), cause=cause).look("b").look("ctl"))


def data_changes(story: Story, field: str) -> Story:
    """After a refusal beside created a message holds something else."""
    story.retry("b", 400, UNRESOLVED).look("b")
    for e in story.exchanges[-2:]:
        if e.invoke.message == "b.1":
            e.end.body[field] = {"body": "other"}
    return story


def body_takes_some() -> Story:
    return done(ready().retry("b", cause=BODY, takes=("b.0",)).look("b"))


def body_takes_a_success() -> Story:
    return done(ready("FS").retry("b", cause=BODY, takes=("b.0", "b.1")).look("b"))


def unknown(status: int, code: str, *, times: int = 1) -> Story:
    story = ready()
    story.members["nobody"] = []
    for _ in range(times):
        story.retry("nobody", status, code, cause="id:unknown").look("b")
    return story


def unknown_html(status: int) -> Story:
    story = ready()
    story.members["nobody"] = []
    for _ in range(3):
        story.retry("nobody", status, body=HTML, cause="id:unknown").look("b")
    return story


def mixed_races() -> Story:
    story = ready("FF")
    for _ in range(3):
        story.look("b").single("b.0").retry("b", takes=())
        together(story)
        done(story)
    return story


def undone() -> Story:
    """The loser takes the winner's attempt back."""
    story = ready("F").look("b").retry("b").retry("b", 400, UNRESOLVED)
    together(story).look("b")
    story.messages["b.0"]["attempts"].pop()
    return story.look("b").wait(11).look("b")


def stays_unretryable() -> Story:
    story = ready().retry("b").look("b")
    story.batches["b"] = "messages_processing"
    return done(story.finish("b").look("b"))


def refused_after_round(code: str) -> Story:
    story = done(ready().retry("b").look("b"))
    return done(story.retry("b", 400, code).look("b"))


def probe(cause: str, status: int, takes: tuple[str, ...] = ()) -> Story:
    story = ready().retry("b", status, "x", cause=cause, takes=takes).look("b").look("ctl")
    return done(story if takes else story.retry("b").look("b"))


def shows(text: str) -> Story:
    body = {"error": {"code": "x", "message": text, "type": "t", "id": "i"}}
    return ready().retry("b", 400, body=body).look("b")


def number_shown() -> Story:
    return shows("the recipient 6511112200 has no failed message")


#: The story, and requirements that one finding has to name; sorted, nothing else where ``only``.
GUILTY: dict[str, tuple[Callable[[], Story], tuple[str, ...]]] = {
    "500 thrice on a quiescent batch": (lambda: five_hundreds(ready()).wait(11).look("b"), ("BR-ACC-02", "BR-ERR-08")),
    "500 thrice beside created": (lambda: five_hundreds(blocked()).wait(11).look("b"), ("BR-ERR-08",)),
    "500 once beside created, thrice on a quiescent batch": (blocked_then_500, ("BR-ERR-08",)),
    "500 thrice, nothing to retry": (lambda: five_hundreds(ready("SS")).wait(11).look("b"), ("BR-ERR-08",)),
    "500 thrice to a body": (
        lambda: (
            ready()
            .retry("b", 500, cause=BODY)
            .look("b")
            .retry("b", 500, cause=BODY)
            .look("b")
            .retry("b", 500, cause=BODY)
            .look("b")
            .wait(11)
            .look("b")
        ),
        ("BR-ERR-08",),
    ),
    "503 in an envelope thrice": (
        lambda: repeated(ready(), 503, media=None, code="server_error"),
        ("BR-ACC-02", "BR-ERR-08"),
    ),
    "500 carried out": (first_500_carried_out, ("BR-ERR-07",)),
    "503 carried out thrice": (lambda: carried_out_500(3), ("BR-ACC-04",)),
    "404 in HTML thrice": (lambda: repeated(ready(), 404), ("BR-ACC-02",)),
    "302 thrice": (lambda: repeated(ready(), 302), ("BR-ACC-02",)),
    "400 in HTML thrice": (lambda: repeated(ready(), 400), ("BR-ERR-03",)),
    "400 in HTML thrice, refused": (lambda: repeated(ready(), 400), ("BR-ACC-02",)),
    "404 in HTML thrice beside created": (lambda: repeated(blocked(), 404), ("BR-ERR-02",)),
    "200 thrice, carried out": (gateway_accepts_thrice, ("BR-ACC-04",)),
    "200 in JSON": (lambda: done(ready().retry("b", 200, body={}, takes=("b.0", "b.1"))), ("BR-ACC-04",)),
    "401 thrice, reads are answered": (
        lambda: repeated(ready(), 401, media=None, code="authentication_required"),
        ("BR-ACC-02",),
    ),
    "403 thrice beside created": (lambda: repeated(blocked(), 403, media=None), ("BR-ERR-02",)),
    "status stays": (status_stays, ("BR-BLK-02",)),
    "status stays, lag configured": (lambda: status_stays(lag=0.1, wait=0), ("BR-BLK-02",)),
    "status stays, three refusals": (status_stays_in_three_rounds, ("BR-BLK-02",)),
    "accepted beside created": (lambda: blocked().retry("b", takes=("b.1",)).look("b"), ("BR-BLK-01",)),
    "accepted with a body beside created": (
        lambda: blocked().retry("b", cause=BODY, takes=("b.1",)).look("b"),
        ("BR-BLK-01", "BR-SEC-05"),
    ),
    "refused beside created and carried out": (
        lambda: refused_and_carried_out(blocked(FAILED), 400, UNRESOLVED),
        ("BR-BLK-03",),
    ),
    "body refused and carried out": (
        lambda: refused_and_carried_out(ready(), 415, "x", BODY),
        ("BR-BLK-03", "BR-SEC-05"),
    ),
    "429 carried out": (lambda: refused_and_carried_out(ready(), 429, "too_many_requests"), ("BR-ERR-06",)),
    "refused, and other values": (lambda: data_changes(blocked(FAILED), "values"), ("BR-BLK-03",)),
    "wrong code beside created": (lambda: done(blocked().retry("b", 400, "x").look("b")), ("BR-ERR-02",)),
    "not retryable, and it was": (
        lambda: done(blocked().wait(11).look("b").retry("b", 400, NOT_RETRYABLE).look("b")),
        ("BR-ERR-02",),
    ),
    "nothing attempted": (lambda: done(ready().retry("b", takes=())), ("BR-ACC-05",)),
    "body: nothing attempted": (lambda: done(ready().retry("b", cause=BODY, takes=())), ("BR-ACC-05", "BR-SEC-05")),
    "body: some attempted": (body_takes_some, ("BR-SEC-05", "BR-SEL-01")),
    "body: a success too": (body_takes_a_success, ("BR-SEC-05", "BR-SEL-02")),
    "unknown id, wrong code": (lambda: unknown(400, "parameter_invalid"), ("BR-ERR-01",)),
    "unknown id, unresolved": (lambda: unknown(400, UNRESOLVED), ("BR-ERR-01",)),
    "unknown id, 403 thrice": (lambda: unknown(403, "x", times=3), ("BR-ERR-01",)),
    "unknown id, 302 thrice": (lambda: unknown_html(302), ("BR-ERR-01",)),
    "unknown id, 400 in HTML thrice": (lambda: unknown_html(400), ("BR-ERR-03",)),
    "two 201, one attempt, thrice": (lambda: both_accepted(3, status=ENQUEUED), ("BR-CON-01",)),
    "two 201 of two kinds, thrice": (mixed_races, ("BR-CON-03",)),
    "winner undone": (undone, ("BR-CON-02",)),
    "lost race 500 thrice": (lambda: lost_race_500(3), ("BR-ERR-08",)),
    "lost race 500 thrice, and another to a single retry": (
        lambda: lost_to_a_single(lost_race_500(3)),
        ("BR-ERR-08",),
    ),
    "status stays not retryable": (stays_unretryable, ("BR-ACC-06",)),
    "refused after a round": (lambda: refused_after_round("x"), ("BR-ACC-02",)),
    "no key, 403": (lambda: probe("auth:none", 403), ("BR-SEC-01",)),
    "no key, accepted": (lambda: probe("auth:none", 201, ("b.0",)), ("BR-SEC-01",)),
    "no key, carried out": (lambda: probe("auth:none", 401, ("b.0",)), ("BR-SEC-01",)),
    "PUT, carried out": (lambda: probe("method:PUT", 405, ("b.0",)), ("BR-SEC-04",)),
    "key cut, carried out": (lambda: probe("auth:cut", 401, ("b.0",)), ("BR-SEC-07",)),
    "a stack trace": (lambda: shows("Traceback (most recent call last)"), ("BR-ERR-05",)),
    "a number": (number_shown, ("BR-ERR-09",)),
    "a number in groups": (lambda: shows("cannot send to +65 1111 2200"), ("BR-ERR-09",)),
}


@pytest.mark.parametrize("name", GUILTY)
def test_the_requirement_is_named(name: str) -> None:
    tell, names = GUILTY[name]
    story = tell()
    assert not [d for d in story.doubts() if d[1] == "suite-error"]
    assert [found for found in story.named() if set(names) <= set(found)], story.named()
