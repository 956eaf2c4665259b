"""Two rows of a batch that were sent alike: nothing but their ids tells their messages apart."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from conformance.config import Config, Recipients
from conformance.history.records import Exchange
from conformance.program.batch_state import Held, make_rows
from conformance.program.steps import RowSpec
from tests.shelf import Shelf

ALIKE = ("b.0", "b.1")


def _sent(rows: str = "FFS", **options: Any) -> Shelf:
    """A batch of which the first two rows are alike."""
    story = Shelf(same=True, **options).send("b", rows)
    sent = story.exchanges[-1]
    first, _, *others = sent.invoke.rows
    story.exchanges[-1] = Exchange(
        invoke=msgspec.structs.replace(sent.invoke, rows=(first, first, *others)), end=sent.end
    )
    story.messages["b.1"] |= {key: story.messages["b.0"][key] for key in ("nonce", "text")}
    return story


def _quiet(**options: Any) -> Shelf:
    return _sent(**options).look("b").finish("b").views("b")


def _hidden(story: Shelf) -> Shelf:
    """The second of the two stands in no listing of the batch from here on."""
    story.members["b"].remove("b.1")
    return story


def test_a_retry_that_takes_the_two_for_one_leaves_one_out() -> None:
    story = _quiet().retry("b", takes=("b.0",)).look("b").finish("b").wait(11).views("b")
    assert "BR-SEL-01" in story.findings()


def test_a_retry_of_both_is_seen_whole() -> None:
    story = _quiet().retry("b").look("b").finish("b").wait(11).views("b")
    assert story.findings() == set()
    assert {"BR-ACC-02", "BR-SEL-01"} <= story.exercised()


def test_where_one_of_the_two_was_never_listed_the_batch_is_not_whole() -> None:
    story = _hidden(_sent()).look("b").finish("b").look("b").retry("b", 400, "unresolved_batch_messages").look("b")
    assert story.findings() == set()
    assert "BR-ACC-02" not in story.exercised()


def test_one_that_the_batchs_listing_does_not_hold_is_the_other_row_and_no_second_id_of_one() -> None:
    story = _sent(status=False).finish("b")
    both = list(story.members["b"])
    story.members["b"] = ["b.0", "b.2"]
    story.list("b")
    story.members["b"] = both
    story.campaign().read("b.1")
    story.members["b"] = ["b.0", "b.2"]
    story.list("b").wait(11).list("b")
    assert "BR-IDS-04" not in story.findings()
    # Nor was the batch sent twice: nobody else writes to it.
    assert not [code for _, code in story.doubts() if code == "axiom-broken"]


def test_the_two_show_no_exchange_of_contents() -> None:
    story = _quiet(rows="FF").retry("b").look("b").finish("b").wait(11).views("b")
    assert "BR-IDS-06" not in story.exercised()


def test_a_program_knows_which_message_is_which_row() -> None:
    config = Config(recipients=Recipients(failing=("6511111111", "6511112222")))
    specs = [RowSpec(text="emoji"), RowSpec(), RowSpec(same_as=0, copy=True), RowSpec()]
    rows = make_rows(specs, config, random.Random(1))
    assert rows[0] == rows[2]
    assert len({row.nonce for row in rows}) == 3
    # A copy takes nobody's turn.
    assert [row.recipient for row in rows] == ["6511111111", "6511112222", "6511111111", "6511111111"]
    held = Held("b", rows)
    listing = [{"id": f"m{i}", "latestStatus": "failure", "values": row.values} for i, row in enumerate(rows)]
    for _ in range(2):
        held.learn(listing)
        assert held.ids == {i: f"m{i}" for i in range(4)}
