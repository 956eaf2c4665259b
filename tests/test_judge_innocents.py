"""Legal histories around the rulings: each looks like a violation of ACC, BLK, CON, ERR or SEC, and accuses nobody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from tests.story import Story

UNRESOLVED = "unresolved_batch_messages"
NOT_RETRYABLE = "batch_not_found_or_is_not_retryable"
NO_FAILED = "no_failed_batch_messages_to_retry"
HTML = "<html><h1>Gateway</h1></html>"
ENQUEUED = "messages_enqueued"
FAILED = "messages_enqueuing_failed"
BODY = "body:json-recipient"


def ready(rows: str = "FF", *, settle: float = 10.0, lag: float | None = None, seconds: bool = False) -> Story:
    """A batch of which every message is terminal, read; an untouched one beside it."""
    story = Story(settle=settle, lag=lag, whole_seconds=seconds).send("b", rows).send("ctl", "FS")
    return story.finish("b").finish("ctl").look("ctl").look("b")


def blocked(status: str | None = None) -> Story:
    """A batch with one message created and read so, beside a failed one."""
    story = ready().single("b.0")
    story.batches["b"] = status or story.batches["b"]
    return story.look("b")


def done(story: Story) -> Story:
    """The settling time passes, and everything is read."""
    return story.finish("b").wait(11).look("b").look("ctl")


def five_hundreds(story: Story, *, times: int = 3, late: bool = False) -> Story:
    """500 again and again, a read between each; ``late``: the last one is carried out within the settling time."""
    for _ in range(times):
        story.retry("b", 500).look("b")
    if late:
        story.wait(2).attempt("b.0")
        story.look("b").finish("b")
    return story


def three_situations(status: int, body: str | None = None) -> Story:
    """The same answer next to a created message, next to one on its way, and when every message has failed: never three alike."""
    story = blocked()
    for following in ("sending", "failure", "failure"):
        story.retry("b", status, "x", body=body).look("b").move("b.0", following).look("b")
    return done(done(story))


def unread_between() -> Story:
    """The same, where nothing is read between the single retry and the last of the answers but another batch."""
    story = ready().single("b.0")
    for following in ("sending", "failure", "failure"):
        story.retry("b", 500, "x").look("ctl").move("b.0", following)
    return done(done(story.look("b")))


def three_statuses() -> Story:
    """500 while the batch is processed, twice, and once more when it is not."""
    story = Story().send("b", "FF").send("ctl", "FS").finish("b").finish("ctl")
    for status in ("messages_processing", "messages_processing", ENQUEUED):
        story.batches["b"] = status
        story.look("b").retry("b", 500, "x").look("b")
    return done(done(story))


def gateway_once(status: int, story: Story | None = None) -> Story:
    return done((story or ready()).retry("b", status, body=HTML).look("b"))


def gateway_accepts() -> Story:
    """200 without a body, once, carried out: perhaps the gateway's."""
    return done(ready().retry("b", 200, takes=("b.0", "b.1")).look("b"))


def gateway_single() -> Story:
    """A single retry is answered HTML and carried out; then a batch retry is refused beside it (ruling 22)."""
    story = ready().single("b.0", 404, gives=("b.0",), body=HTML)
    story.batches["b"] = FAILED
    return done(story.retry("b", 400, UNRESOLVED).look("b"))


def gateway_then_refused() -> Story:
    """HTML 404 and carried out; the next retry is refused for it."""
    story = ready().retry("b", 404, body=HTML, takes=("b.0", "b.1"))
    story.batches["b"] = FAILED
    return done(story.retry("b", 400, UNRESOLVED).look("b"))


def dead_key(answer: int = 401) -> Story:
    """401 from some call on (ruling 28)."""
    story = ready().retry("b", answer, "authentication_required")
    for _ in range(3):
        story.denied("b.0", answer).retry("b", answer, "authentication_required")
    return story


def dead_key_unknown() -> Story:
    story = ready()
    story.members["nobody"] = []
    return story.retry("nobody", 401, "authentication_required", cause="id:unknown").denied("b.0").denied("b.1")


def refused_with_a_read() -> Story:
    """Each 403 to a retry comes while a plain read is refused for the key as well (ruling 28)."""
    story = ready()
    for _ in range(3):
        story.retry("b", 403, "x").denied("b.0", 403)
        together(story).look("b")
    return done(story)


def refused_twice_by_key() -> Story:
    story = ready()
    for _ in range(2):
        story.retry("b", 403, "x").look("b")
    return done(story)


def status_follows(seconds: float) -> Story:
    """The status follows the refusal; the next answer shows it (ruling 23)."""
    story = blocked().retry("b", 400, UNRESOLVED).wait(seconds).read("b.0")
    story.batches["b"] = FAILED
    return story.wait(1.5).read("b.0")


def status_unseen_once() -> Story:
    """One answer, and the message moves on before the next."""
    story = blocked().retry("b", 400, UNRESOLVED).read("b.0").move("b.0", "enqueued")
    return story.wait(2).read("b.0")


def two_refusals_without_it() -> Story:
    """Each in another situation: first, second in a row."""
    story = blocked().retry("b", 400, UNRESOLVED).read("b.0").look("b").retry("b", 400, UNRESOLVED)
    return story.read("b.0").move("b.0", "enqueued")


def lag_of_the_status_was_seen() -> Story:
    """In another batch the status was seen to follow late: one late answer proves nothing."""
    story = Story().send("a", "FF").send("b", "FF").finish("a").finish("b").look("a").look("b")
    story.single("a.0").look("a").retry("a", 400, UNRESOLVED).wait(1.5).read("a.0")
    story.batches["a"] = FAILED
    story.wait(0.5).read("a.0")
    return story.single("b.0").look("b").retry("b", 400, UNRESOLVED).wait(0.1).read("b.0").wait(2.0).read("b.0")


def single_changes_the_status() -> Story:
    """The batch is processed because of the single retry (ruling 24): not retryable passes, nothing is set."""
    return ready().single("b.0").retry("b", 400, NOT_RETRYABLE).wait(0.1).read("b.0").wait(2).read("b.0")


def failed_before() -> Story:
    return blocked(FAILED).retry("b", 400, UNRESOLVED).read("b.0").wait(2).read("b.0")


def body_refused(status: int) -> Story:
    return done(ready().retry("b", status, "parameter_invalid", cause=BODY).look("b").retry("b").look("b"))


def body_refused_beside_created() -> Story:
    return done(blocked().retry("b", 415, "unsupported", cause=BODY).wait(2).look("b"))


def body_pending() -> Story:
    """Accepted with a body a moment ago, it may still have the batch processed (rulings 5, 16)."""
    story = ready().retry("b", cause=BODY, takes=()).look("b").retry("b", 400, NOT_RETRYABLE).look("b")
    story.attempt("b.0")
    story.attempt("b.1")
    return done(story.look("b"))


def body_pending_beside_created() -> Story:
    story = ready("FFF").retry("b", cause=BODY, takes=("b.0",)).look("b").retry("b", 400, NOT_RETRYABLE)
    return story.look("b")


def body_lost_may_have_set_the_status() -> Story:
    """Two 201 without an attempt; a lost retry with a body lies between and may have set the status again."""
    story = ready().retry("b", takes=()).retry("b", None, cause=BODY)
    return story.wait(11).look("b")


def body_accepted_between() -> Story:
    """The first 201 may have been excused until the second set the status; that one's effect is still to come."""
    return ready().retry("b", takes=()).retry("b", cause=BODY, takes=()).wait(5).look("b")


def corrected(between: bool) -> Story:
    """A failure becomes a success by a late correction (ruling 18), between a retry and its effect."""
    story = ready("F")
    if between:
        story.retry("b", takes=()).move("b.0", "success")
        return story.wait(11).look("b")
    story.retry("b", 400, NO_FAILED).move("b.0", "success")
    return story.look("b")


def corrected_underway() -> Story:
    """A message that is on its way when a retry is accepted fails, and the failure is corrected before a worker looks."""
    story = ready("FF").single("b.0").move("b.0", "sent").look("b").retry("b", takes=())
    story.move("b.0", "failure").read("b.0").move("b.0", "success")
    return story.wait(11).look("b")


def corrected_uncounted(status: bool) -> Story:
    story = Story(fields=(), status=status).send("b", "F").finish("b").look("b").retry("b", 400, NO_FAILED)
    return story.move("b.0", "success").look("b")


def coarse_nothing_attempted() -> Story:
    """Whole seconds, no counts: retried and failed again within one second looks like nothing."""
    story = Story(fields=(), whole_seconds=True).send("b", "F").finish("b").look("b").retry("b").finish("b")
    return story.wait(11).look("b")


def coarse_created_again() -> Story:
    story = Story(fields=(), whole_seconds=True).send("b", "FF").finish("b").look("b").single("b.0").read("b.0")
    return story.finish("b").retry("b").read("b.0")


def newest_only() -> Story:
    """Lists hold the newest attempt only, without id and time."""
    story = Story(fields=("messageAttempts", "attempts")).send("b", "FF").finish("b").look("b")
    story.retry("b").look("b").finish("b").wait(11).look("b")
    for e in story.exchanges:
        for item in (e.end.body or {}).get("data", [e.end.body or {}]) if e.invoke.method == "GET" else ():
            for name in ("messageAttempts", "attempts"):
                if name in item:
                    item[name] = [{"status": item[name][0]["status"]}]
    return story


def together(story: Story, count: int = 2) -> Story:
    """Let the last exchanges have been in flight together."""
    last = story.exchanges[-1].last
    for i in range(-count, 0):
        end = msgspec.structs.replace(story.exchanges[i].end, last=last)
        story.exchanges[i] = msgspec.structs.replace(story.exchanges[i], end=end)
    return story


def both_accepted(races: int, *, status: str = ENQUEUED) -> Story:
    """Races with two 201 and one attempt: partial enqueue may excuse them (ruling 25)."""
    story = ready("F")
    for _ in range(races):
        story.look("b").retry("b").retry("b", takes=())
        together(story)
        story.batches["b"] = status
        done(story)
    return story


def race_won_by_a_gateway() -> Story:
    """The winner's answer is a gateway's: the pair does not count."""
    story = ready("F")
    for _ in range(2):
        story.look("b").retry("b", 404, body=HTML, takes=("b.0",)).retry("b", 400, UNRESOLVED)
        done(together(story))
    return story


def lost_race_500(times: int) -> Story:
    """In each of several batches, since a lost retry leaves its own open for ever (ruling 11)."""
    story = Story()
    for number in range(times):
        batch = f"r{number}"
        story.send(batch, "F").finish(batch).look(batch).retry(batch).retry(batch, 500)
        together(story).look(batch).finish(batch).wait(11).look(batch)
    return story


def lost_to_a_single(story: Story) -> Story:
    """A race of a batch retry with a single one, which the batch retry loses by a refusal."""
    story.send("s", "F").finish("s").look("s").single("s.0").retry("s", 400, UNRESOLVED)
    return together(story).look("s").finish("s").look("s")


def lost_by_a_refusal(story: Story) -> Story:
    """A race of two batch retries, of which one is refused as it should be."""
    story.send("s", "F").finish("s").look("s").retry("s").retry("s", 400, UNRESOLVED)
    return together(story).look("s").finish("s").look("s")


def carried_out_500(times: int) -> Story:
    """5xx in an envelope, and carried out, fewer than three times."""
    story = ready("F")
    for _ in range(times):
        story.look("b").retry("b", 503, "server_error", takes=("b.0",))
        done(story)
    return story


def carried_out_5xx_and_200() -> Story:
    """Two of the target's 503, and one 200 that may be a gateway's: not three of one kind."""
    story = carried_out_500(2).look("b").retry("b", 200, body=HTML, takes=("b.0",))
    return done(story)


def lost_and_carried_out() -> Story:
    story = ready("F")
    for _ in range(3):
        story.look("b").retry("b", None, takes=("b.0",))
        done(story)
    return story


def lagging_listing_lacks_a_row() -> Story:
    """Single reads had shown every row before the retry: the listing that lacks one lags."""
    story = Story().send("b", "FF").look("b").finish("b").look("b").retry("b", takes=("b.0", "b.1")).list("b", only=1)
    return story.list("b").look("b")


def unknown_refused_by_a_gateway(status: int) -> Story:
    story = ready()
    story.members["nobody"] = []
    return story.retry("nobody", status, body=HTML, cause="id:unknown")


def redirected_single_then_blocked() -> Story:
    story = blocked()
    return done(story.retry("b", 302, body=HTML).look("b"))


def delayed_effect_of_an_accepted_retry() -> Story:
    """201, then a refusal; the attempt comes in time after it (ruling 16)."""
    story = ready("F").retry("b", takes=())
    story.batches["b"] = "messages_processing"
    story.look("b").retry("b", 400, NOT_RETRYABLE)
    story.attempt("b.0")
    story.batches["b"] = ENQUEUED
    return done(story.look("b"))


def several_rounds_fast() -> Story:
    """Retries accepted one after the other, each when the last round has failed again unseen (ruling 15)."""
    story = ready("F")
    for _ in range(2):
        story.retry("b").finish("b")
    return done(story)


def underway_beside() -> Story:
    """Refused beside a message in progress (ruling 4)."""
    story = ready().single("b.0").move("b.0", "sending").look("b")
    return done(story.retry("b", 400, UNRESOLVED).look("b"))


def throttled_thrice() -> Story:
    story = ready()
    for _ in range(4):
        story.retry("b", 429, "too_many_requests").look("b")
    return done(story)


def key_probe_by_a_gateway() -> Story:
    """A probe's 401 in HTML is its status, whoever answered (ruling 22)."""
    story = ready().retry("b", 401, body=HTML, cause="auth:none").look("b").retry("b").look("b")
    return done(story)


def lost_probe_then_retry() -> Story:
    return done(ready().retry("b", None, cause="auth:none").look("b").retry("b").look("b"))


INNOCENT: dict[str, Callable[[], Story]] = {
    "500 twice": lambda: done(five_hundreds(ready(), times=2)),
    "500 thrice, no settling time": lambda: five_hundreds(ready()),
    "500 thrice, a late effect": lambda: done(five_hundreds(ready(), late=True)),
    "500 thrice, without reads between": lambda: done(ready().retry("b", 500).retry("b", 500).retry("b", 500)),
    "500 in three situations": lambda: three_situations(500),
    "404 in HTML in three situations": lambda: three_situations(404, HTML),
    "500 in two statuses of the batch": three_statuses,
    "500 in situations that no client reads": unread_between,
    "502 thrice, no envelope": lambda: done(
        ready().retry("b", 502).look("b").retry("b", 502).look("b").retry("b", 502)
    ),
    **{f"{s} in HTML once": partial(gateway_once, s) for s in (302, 307, 400, 401, 403, 404, 405)},
    "400 in HTML once, blocked": lambda: gateway_once(400, blocked()),
    "404 in HTML twice": lambda: gateway_once(404, ready().retry("b", 404, body=HTML).look("b")),
    "200 in HTML once": lambda: gateway_once(200),
    "200 without a body once": gateway_accepts,
    "single retry carried out behind HTML": gateway_single,
    "carried out behind HTML, then refused": gateway_then_refused,
    "302 beside created": redirected_single_then_blocked,
    "401 from some call on": dead_key,
    "403 from some call on": lambda: dead_key(403),
    "unknown id, dead key": dead_key_unknown,
    "403 twice, reads are answered": refused_twice_by_key,
    "403 thrice, and to a read at once": refused_with_a_read,
    "status 50 ms late": lambda: status_follows(0.05),
    "status 1.5 s late": lambda: status_follows(1.5),
    "one answer with the old status": status_unseen_once,
    "two refusals in two situations": two_refusals_without_it,
    "status lag seen elsewhere": lag_of_the_status_was_seen,
    "status touched by a single retry": single_changes_the_status,
    "status was so before": failed_before,
    **{f"body refused {s}": partial(body_refused, s) for s in (400, 405, 406, 411, 413, 415, 422)},
    "body refused beside created": body_refused_beside_created,
    "body accepted, effect to come": body_pending,
    "body accepted, another refused": body_pending_beside_created,
    "body lost between": body_lost_may_have_set_the_status,
    "body accepted between": body_accepted_between,
    "corrected between 201 and effect": lambda: corrected(True),
    "corrected after a refusal": lambda: corrected(False),
    "corrected while underway": corrected_underway,
    "corrected, nothing counted": lambda: corrected_uncounted(True),
    "corrected, nothing counted, no status": lambda: corrected_uncounted(False),
    "coarse stamps, attempted": coarse_nothing_attempted,
    "coarse stamps, created again": coarse_created_again,
    "lists hold the newest only": newest_only,
    "two 201, one attempt, twice": lambda: both_accepted(2),
    "two 201, one attempt, partial": lambda: both_accepted(3, status=FAILED),
    "winner behind HTML": race_won_by_a_gateway,
    "lost race 500 twice": lambda: lost_race_500(2),
    "lost race 500 thrice, and once as it should be": lambda: lost_by_a_refusal(lost_race_500(3)),
    "503 carried out twice": lambda: carried_out_500(2),
    "503 carried out twice, 200 in HTML once": carried_out_5xx_and_200,
    "lost and carried out": lost_and_carried_out,
    "listing lags": lagging_listing_lacks_a_row,
    "unknown id, HTML 404": lambda: unknown_refused_by_a_gateway(404),
    "unknown id, 302": lambda: unknown_refused_by_a_gateway(302),
    "unknown id, HTML 400": lambda: unknown_refused_by_a_gateway(400),
    "effect comes after a refusal": delayed_effect_of_an_accepted_retry,
    "rounds without reads": several_rounds_fast,
    "refused beside sending": underway_beside,
    "429 four times": throttled_thrice,
    "probe 401 in HTML": key_probe_by_a_gateway,
    "probe lost": lost_probe_then_retry,
}


@pytest.mark.parametrize("name", INNOCENT)
def test_nobody_is_accused(name: str) -> None:
    story = INNOCENT[name]()
    assert story.findings() == set()
    assert story.named() == set()
