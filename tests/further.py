"""Further histories whose whole verdict is kept (``tests.verdicts``): of the families' own tests, those told in a line or two."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from conformance.history.records import Exchange, History
from oracle.notation import parse
from tests import test_judge_con as con
from tests import test_judge_held as provider
from tests import test_judge_ids as ids
from tests import test_judge_liv as liv
from tests import test_judge_sec as sec
from tests import test_judge_sel as sel
from tests import test_judge_single as single
from tests.shelf import Shelf
from tests.story import Story
from tests.test_judge_guilty import status_stays, status_stays_in_three_rounds
from tests.test_judge_innocents import done, ready, together
from tests.test_judge_passes import races

NO_FAILED, TOO_MANY, UNRESOLVED = sel.NO_FAILED, sel.TOO_MANY, sel.UNRESOLVED


def chain(cause: str) -> Story:
    """A probe, refused, in a chain that is closed."""
    return sec._closed(sec._probe(sec._ready(), cause, sec.STATUS_OF.get(cause, 401)).list("b"))


def carried_out(cause: str) -> Story:
    """A probe that is refused and carried out."""
    status = sec.STATUS_OF.get(cause, 401)
    return sec._probe(sec._ready(), cause, status, takes=("b.0", "b.1")).look("b").look("ctl")


def spent(rounds: int, code: str, *, fields: tuple[str, ...] | None = None) -> Story:
    """A batch retried so often, and refused."""
    story = sel._failed()
    if fields is not None:
        story.fields = fields
        story.look("b")
    return sel._rounds(story, rounds).wait(11).look("b").retry("b", 400, code).look("b").look("ctl")


def alone(rounds: int, code: str = TOO_MANY) -> Story:
    """A message retried singly so often, and refused."""
    story = sel._failed("FF")
    for _ in range(rounds):
        story.single("b.0").look("b").finish("b").look("b")
    return story.wait(11).look("b").single("b.0", 400, code).look("b").look("ctl")


def two_limits() -> Story:
    """Three rounds of one batch; another is exhausted after two."""
    story = sel._rounds(sel._failed(), 3).send("d", "F").look("d").finish("d").look("d")
    for _ in range(2):
        story.retry("d").finish("d").look("d")
    return story.wait(11).look("d").retry("d", 400, NO_FAILED)


def created_elsewhere(status: int, code: str | None = None, *, retried: bool = False) -> Story:
    """A retry while a message of another batch is ``created``; ``retried``: by a single retry of it."""
    story = sel._failed().send("new", "F").look("new")
    if retried:
        story.finish("new").look("new").wait(11).look("new").single("new.0").read("new.0")
    return story.look("b").retry("b", status, code).look("new").look("b")


def stray() -> Story:
    """An attempt that comes by itself."""
    story = sel._failed()
    story.attempt("ctl.0")
    return story.look("ctl")


def rewritten() -> Story:
    """An earlier attempt gets another id."""
    story = sel._failed().retry("b")
    story.messages["b.0"]["attempts"][0]["id"] = "other"
    return story.look("b")


def two_open() -> Story:
    """Two attempts of one message in progress."""
    story = sel._failed().single("b.0").look("b")
    story.attempt("b.0")
    return story.read("b.0")


def not_failed() -> Story:
    """Single retries of what is not failed."""
    story = single._failed().single("nobody", 404, "not_found", cause="id:unknown")
    story.single("b.2", 400, single.NOT_FAILED).look("b").single("b.0").single("b.0", 400, single.NOT_FAILED)
    return story.look("b").look("ctl")


def walked(wrong: str) -> Story:
    """A walk over pages after a retry, and the whole list."""
    return ids._retried(ids._quiet("FFFS")).walk("b", 2, pages=ids.WRONG_PAGES[wrong]).list("b")


def differs(view: Any) -> Story:
    """One view shows another language."""
    return Shelf().show("language", "tamil", view=view).send("b", "FFS").look("b").finish("b").views("b")


def lost_message() -> Shelf:
    """A message is gone after a retry."""
    story = ids._quiet("FFFS").retry("b").finish("b")
    story.members["b"].remove("b.1")
    return story.list("b").list("b")


def twice_in_a_page() -> Story:
    """No listing shows every message once, and two walks show one id twice in a page."""
    story = Shelf().send("b", "FFFS").finish("b")
    for message in story.members["b"]:
        story.read(message)
    for _ in range(3):
        story.walk("b", 2, pages=[["b.0", "b.0"], ["b.2", "b.3"]])
    return story


def making(status: int, code: str | None = None) -> Story:
    """A retry while rows of the batch are still being made, as a later listing shows."""
    return Story().send("b", "FF").retry("b", status, code, takes=()).list("b", only=1).list("b")


def in_status(status: str, answer: int, code: str | None = None) -> Story:
    """A retry of a batch that reads show in this status before it and after."""
    story = ready()
    story.batches["b"] = status
    return story.look("b").retry("b", answer, code, takes=()).look("b").wait(11).look("b").look("ctl")


def unread() -> Story:
    """An accepted retry whose answer is in an unknown encoding."""
    story = ready().retry("b")
    last = story.exchanges[-1]
    end = msgspec.structs.replace(last.end, undecoded="br", size=7, media="binary")
    story.exchanges[-1] = Exchange(invoke=last.invoke, end=end)
    return done(story.look("b"))


def copies(*, seen_before: bool) -> Shelf:
    """Another batch with the same rows turns up after a retry; ``seen_before``: the campaign was listed whole before it."""
    story = ids._quiet("FF")
    if not seen_before:
        story.exchanges = [e for e in story.exchanges if e.invoke.operation != "campaign_list"]
    story.retry("b").look("b").finish("b").send("twin", "FF")
    story.exchanges.pop()
    for i in range(2):
        story.messages[f"twin.{i}"] |= {k: story.messages[f"b.{i}"][k] for k in ("nonce", "text")}
    return story.views("b").read("twin.0").views("b")


def not_found(times: int = 2, *, other: bool = True) -> Story:
    """The batch is answered 404 after a retry."""
    story = ids._quiet().send("other", "F").retry("b").read("b.0")
    for _ in range(times):
        story.answer("batch_list", 404, ids.NOT_FOUND, batch="b")
    return story.list("other").read("b.1") if other else story


def behind(view: Any, *, wait: float = 11.0) -> Story:
    """A view goes on showing a message as it was right after its retry."""
    story = ids._quiet().retry("b").look("b").finish("b").show("latestStatus", "created", message="b.0", view=view)
    return story.views("b").wait(wait).views("b").wait(1).views("b")


def whole_again() -> Story:
    """Two walks show one id twice in a page, and a listing shows every message once."""
    return twice_in_a_page().list("b")


def swung(status: int | None) -> Story:
    """A race in which the loser's answer is this."""
    story = ready("F").look("b").retry("b").retry("b", status, "x" if status == 429 else None, takes=())
    return done(together(story).look("b"))


def throttled_while_made(status: int) -> Story:
    """Throttled, then refused, while rows are being made."""
    return Story().send("b", "FF").retry("b", status, "x").list("b", only=1).list("b")


def shown_row(*, asked: bool) -> Story:
    """An error repeats a row's value that is not ASCII; ``asked``: the request held it."""
    story = Story().send("b", "FF")
    row = msgspec.structs.replace(story.exchanges[0].invoke.rows[0], values={"body": "Grüße an alle Leute"})
    first = story.exchanges[0]
    story.exchanges[0] = Exchange(invoke=msgspec.structs.replace(first.invoke, rows=(row,)), end=first.end)
    body = {"error": {"code": "x", "message": "bad: Grüße an alle Leute", "type": "t", "id": "i"}}
    story.finish("b").look("b").retry("b", 400, body=body)
    last = story.exchanges[-1]
    said = "Grüße an alle Leute" if asked else None
    story.exchanges[-1] = Exchange(invoke=msgspec.structs.replace(last.invoke, body=said), end=last.end)
    return story.look("b")


def held(status: int | None, code: str | None = None, *, until: float | None = None, shown: str = "") -> History:
    """A retry of a batch that its vendor holds in processing; ``shown``: in this status, by a read before it."""
    story = Story().send("held", "F").finish("held").wait(1)
    story.batches["held"] = "messages_enqueuing"
    story.read("held.0")
    if shown:
        story.batches["held"] = shown
        story.read("held.0")
    story.retry("held", status, code, takes=()).read("held.0")
    notes = [provider._state(0.9, batch="held")]
    if until is not None:
        notes.append(provider._state(until, "teardown", batchId="held"))
    return msgspec.structs.replace(story.by("told").history(), notes=tuple(notes))


def unlisted(status: int | None, code: str | None = None) -> History:
    """A retry of a batch of the vendor's own, held in processing."""
    return msgspec.structs.replace(
        provider._retried(status, code).by("told").history(), notes=(provider._state(0.5, batch="held"),)
    )


def moved_away(*batches: str) -> Story:
    """After a retry a message stands in these batches."""
    story = ids._quiet().retry("b").finish("b")
    story.batch_of = lambda _: [{"id": batch, "status": "messages_enqueued"} for batch in batches]
    return story.look("b").look("b")


def harmless(cause: str, *, bare: int = 400) -> Story:
    """A retry is refused, and the same with a body is accepted."""
    story = ready().retry("b", bare, None if bare == 201 else UNRESOLVED).look("b")
    return done(story.finish("b").look("b").retry("b", cause=cause).look("b"))


def taken_over() -> Story:
    """A retry with a body that names a recipient, after which a message shows it."""
    story = ready().retry("b", cause="body:json-recipient").look("b")
    for e in story.exchanges[-3:]:
        for item in e.end.body.get("data", [e.end.body]):
            if item["id"] == "b.0":
                item["recipient"] = "6599999999"
    return done(story)


def with_error(*, new: bool) -> Story:
    """A failed attempt shows an error; ``new``: the next attempt has it at once."""
    story = sel._failed()
    error = {"errorType": "delivery_error", "errorCode": "routing_error"}
    story.messages["b.0"]["attempts"][0].update(error)
    story.look("b").retry("b")
    if new:
        story.messages["b.0"]["attempts"][1].update(error)
    return story.look("b")


def unknown_status(name: str) -> Story:
    """A status that the contract does not know."""
    story = sel._failed().retry("b").look("b").move("b.0", name).look("b").move("b.0", "failure").look("b")
    return story.finish("b").look("b")


def numbers_stand_still() -> Story:
    """numAttempts of the listing stays 1 while the lists grow."""
    story = sel._failed().retry("b").look("b").finish("b").look("b").retry("b").look("b").finish("b").look("b")
    for e in story.exchanges:
        for item in e.end.body.get("data", []) if e.invoke.operation == "batch_list" else ():
            item["numAttempts"] = 1
    return story.look("ctl")


def corrected_late() -> Story:
    """A failure becomes a success by itself, and goes back."""
    story = ready().move("b.0", "success").look("b").retry("b", takes=("b.1",)).look("b").finish("b")
    return done(story)


def sent_twice(*, retried: bool) -> Story:
    """A Batch Send is carried out twice."""
    story = ids._sent_twice().finish("b").views("b")
    takes = ("b.0", "b.0", "b.1") if retried else ("b.0", "b.1")
    return story.retry("b", takes=takes).look("b").finish("b").views("b")


#: Lines of the oracle's notation: races, mostly.
LINES = {
    **{f"{wrong} !": parse(wrong) for _, wrong, _ in con.TABLE},
    **{right: parse(right) for _, _, right in con.TABLE},
    "three races give one attempt for two!": parse(con.LACKING.format("retry 201")),
    "three races of two kinds give one!": parse(con.LACKING.format("single 0 201")),
    "three such races, enqueuing failed": parse(con.LACKING.format("retry 201").replace("[enq]", "[failed]")),
    "two winners come to nothing!": parse(con.NOTHING.format(con.GONE)),
    "two winners come to nothing, enqueuing failed": parse(
        con.NOTHING.format(con.UNRESOLVED).replace("[enq]", "[failed]")
    ),
    "a winner comes to nothing!": parse(f"F1 | retry 201 & retry {con.GONE} | settle | F1 | F1 [enq]"),
}

FURTHER: dict[str, Callable[[], Story | History]] = {
    **{name: partial(lambda history: history, line) for name, line in LINES.items()},
    "held, accepted!": partial(held, 201),
    "held, refused": partial(held, 400, sel.NOT_RETRYABLE),
    "held, another code!": partial(held, 400, "parameter_invalid"),
    "held, 429": partial(held, 429),
    "held, lost": partial(held, None),
    "held, let go before": partial(held, 201, until=0.95),
    "held, and shown retryable": partial(held, 201, shown="messages_enqueued"),
    "held by the vendor, accepted!": partial(unlisted, 201),
    "held by the vendor, refused": partial(unlisted, 400, sel.NOT_RETRYABLE),
    "moved to another batch!": partial(moved_away, "new"),
    "in two batches!": partial(moved_away, "b", "new"),
    "a body is needed!": partial(harmless, "body:json-recipient"),
    "a body is not needed": partial(harmless, "body:json-recipient", bare=201),
    "a query is needed!": partial(harmless, "query:force"),
    "a recipient is taken over!": taken_over,
    "an error of the old attempt!": partial(with_error, new=True),
    "an error of the old attempt stays there": partial(with_error, new=False),
    "an unknown status": partial(unknown_status, "resting"),
    "numbers that stand still": numbers_stand_still,
    "corrected late": corrected_late,
    "sent twice": partial(sent_twice, retried=False),
    "sent twice, an attempt too many!": partial(sent_twice, retried=True),
    "another id is shown!": lambda: (
        ids._quiet().by("sends").show("id", "b.77", message="b.0", view="message_read").read("b.0")
    ),
    "a single read does not find it!": lambda: (
        ids._quiet().answer("message_read", 404, ids.NOT_FOUND, message="b.0").list("b")
    ),
    "the campaign lacks it!": lambda: ids._quiet().campaign(without=("b.1",)).list("b"),
    "a row under another id!": lambda: (
        ids._quiet("FFS", lag=0.0)
        .show("id", "b.77", message="b.0", view="campaign_list")
        .campaign()
        .list("b")
        .show("id", "b.77", message="b.0", view="campaign_list")
    ),
    "small pages only, after a retry!": lambda: (
        ids._quiet("FFFS").retry("b").finish("b").walk("b", 2, pages=ids.WRONG_PAGES["missing"])
    ),
    "pages and rows lost!": lambda: lost_message().walk("b", 2).list("b"),
    "a success retried singly with a body!": lambda: (
        single._failed().single("b.2", cause="body:json-recipient").look("b").look("ctl")
    ),
    **{f"probe {cause}": partial(chain, cause) for cause in sec.FACETS},
    **{f"probe {cause}, carried out!": partial(carried_out, cause) for cause in sec.FACETS},
    "probe accepted!": lambda: sec._closed(sec._probe(sec._ready(), "auth:wrong", 201)),
    "key that opens nothing": lambda: sec._closed(sec._probe(sec._ready(404), "auth:other-key", 403).list("b")),
    "single probe": lambda: single._foreign("campaign:other", 404, "not_found").single("b.0").look("b"),
    "single probe, carried out!": lambda: single._foreign("auth:other-key", 403, "x", gives=("b.0",)),
    "three rounds, then exhausted": partial(spent, 3, NO_FAILED),
    "two rounds, then exhausted, numbers only": partial(spent, 2, NO_FAILED, fields=("numAttempts",)),
    "exhausted after one round!": partial(spent, 1, NO_FAILED),
    "exhausted, another code!": partial(spent, 3, UNRESOLVED),
    "four rounds!": lambda: sel._rounds(sel._failed(), 4).look("ctl"),
    "three single retries, then exhausted": partial(alone, 3),
    "exhausted after one single retry!": partial(alone, 1),
    "two limits!": two_limits,
    "accepted though exhausted!": lambda: (
        sel._rounds(sel._failed(), 3).wait(11).look("b").retry("b", takes=()).look("b")
    ),
    "one exhausted, one not": lambda: sel._one_spent().retry("b", takes=("b.1",)).look("b").look("ctl"),
    "the exhausted one too!": lambda: sel._one_spent().retry("b", takes=("b.0", "b.1")).look("b").look("ctl"),
    "refused for the exhausted one!": lambda: sel._one_spent().retry("b", 400, TOO_MANY).look("b"),
    "created elsewhere": partial(created_elsewhere, 201),
    "created again elsewhere": partial(created_elsewhere, 201, retried=True),
    "refused for created elsewhere!": partial(created_elsewhere, 400, UNRESOLVED),
    "refused for created again elsewhere!": partial(created_elsewhere, 400, UNRESOLVED, retried=True),
    "one left out!": lambda: sel._failed().retry("b", takes=("b.0",)).wait(11).look("b").look("ctl"),
    "a second attempt while in progress!": lambda: sel._second_attempt(seen=True),
    "an attempt from nowhere!": stray,
    "an attempt rewritten!": rewritten,
    "two attempts in progress!": two_open,
    "a success-only batch accepted!": lambda: sel._failed("SS").retry("b").look("b"),
    "a success-only batch": lambda: sel._failed("SS").retry("b", 400, NO_FAILED).look("b"),
    "single retries of what is not failed": not_failed,
    "a single retry, another shown!": lambda: single._failed().single("b.0", shows="b.1").look("b"),
    "a single retry without effect!": lambda: single._failed().single("b.0", gives=()).wait(11).look("b"),
    "a single retry takes two!": lambda: single._failed().single("b.0", gives=("b.0", "b.1")).look("b").look("ctl"),
    "a success retried singly!": lambda: single._failed().single("b.2").look("b"),
    "awkward texts": lambda: ids._retried(ids._quiet("FFFFS", texts=ids.AWKWARD, same=True)),
    **{f"pages {wrong}!": partial(walked, wrong) for wrong in ids.WRONG_PAGES},
    **{f"{view} differs!": partial(differs, view) for view in ("batch_list", "campaign_list", "message_read")},
    "a message lost!": lost_message,
    "an id twice in every page!": twice_in_a_page,
    "contents swapped!": lambda: (
        ids._swap(ids._quiet(same=True).retry("b"), "b.0", "b.1").look("b").finish("b").views("b")
    ),
    "language changed!": lambda: ids._quiet().retry("b").show("language", "tamil").look("b").finish("b").views("b"),
    "two stuck!": lambda: liv._stuck("a", "b"),
    "one stuck": lambda: liv._stuck("a"),
    "two recovering fail again!": lambda: liv._recovered("failure", "failure"),
    "recovered": lambda: liv._recovered("success"),
    "accepted while rows are made!": partial(making, 201),
    "refused while rows are made": partial(making, 400, sel.NOT_RETRYABLE),
    "throttled while rows are made": partial(throttled_while_made, 429),
    "503 while rows are made": partial(throttled_while_made, 503),
    "refused in processing": partial(in_status, "messages_processing", 400, sel.NOT_RETRYABLE),
    "refused in processing, no code": partial(in_status, "messages_processing", 400),
    "accepted in processing, nothing attempted!": partial(in_status, "messages_processing", 201),
    "accepted, nothing attempted!": partial(in_status, "messages_enqueued", 201),
    "accepted, enqueuing failed": partial(in_status, "messages_enqueuing_failed", 201),
    "an answer in an unknown encoding": unread,
    "copies of the batch!": partial(copies, seen_before=True),
    "copies of the batch, perhaps there before!": partial(copies, seen_before=False),
    "the batch is not found!": not_found,
    "the batch is not found once": partial(not_found, 1),
    "the batch is not found, nothing else read": partial(not_found, other=False),
    **{f"{view} behind!": partial(behind, view) for view in ("batch_list", "campaign_list", "message_read")},
    "an id twice in a page, and a whole listing": whole_again,
    "status stays, a lag is configured!": lambda: status_stays(lag=0.2),
    "status stays, a long lag is configured": lambda: status_stays(lag=2.0),
    "status stays, three refusals!": status_stays_in_three_rounds,
    **{f"a race lost with {status}": partial(swung, status) for status in (429, 500, None)},
    "a row's value in an error!": partial(shown_row, asked=False),
    "a row's value that was asked!": partial(shown_row, asked=True),
    "races": lambda: races("refused", "throttled", "accepted"),
    "races lost": lambda: races("refused", "refused", "refused"),
}
