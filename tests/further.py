"""Further histories whose whole verdict is kept (``tests.verdicts``): those of the families' own tests that are told in a line or two."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests import test_judge_ids as ids
from tests import test_judge_liv as liv
from tests import test_judge_sec as sec
from tests import test_judge_sel as sel
from tests import test_judge_single as single
from tests.story import Story
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
    return ids.Shelf().show("language", "tamil", view=view).send("b", "FFS").look("b").finish("b").views("b")


def lost_message() -> Story:
    """A message is gone after a retry."""
    story = ids._quiet("FFFS").retry("b").finish("b")
    story.members["b"].remove("b.1")
    return story.list("b").list("b")


def twice_in_a_page() -> Story:
    """No listing shows every message once, and two walks show one id twice in a page."""
    story = ids.Shelf().send("b", "FFFS").finish("b")
    for message in story.members["b"]:
        story.read(message)
    for _ in range(3):
        story.walk("b", 2, pages=[["b.0", "b.0"], ["b.2", "b.3"]])
    return story


FURTHER: dict[str, Callable[[], Story]] = {
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
    "races": lambda: races("refused", "throttled", "accepted"),
    "races lost": lambda: races("refused", "refused", "refused"),
}
