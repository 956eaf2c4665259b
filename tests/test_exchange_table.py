"""The table of exchanges in report.html: what the judges saw, and nothing of a target's that is markup."""

from __future__ import annotations

from conformance.report.exchange_table import MAX_EXCHANGES, MAX_MESSAGES, exchange_table
from tests.story import Story


def test_a_message_is_told_as_the_judges_see_it() -> None:
    story = Story().send("b", "FS").finish("b").read("b.0").retry("b").list("b")
    table = exchange_table(story.history(), [2, 3, 4])
    assert "b.0 failure, 1 attempt (failure)" in table
    assert "batch b messages_enqueued" in table
    assert "an empty body" in table
    assert "b.0 created, 2 attempts (created, failure)" in table
    assert "b.1" not in table


def test_long_pages_and_long_lists_are_cut_and_say_so() -> None:
    story = Story().send("b", "F" * (MAX_MESSAGES + 3)).list("b")
    assert "and 3 more messages" in exchange_table(story.history(), [2])
    for _ in range(MAX_EXCHANGES + 1):
        story.retry("b", 400, "unresolved_batch_messages")
    table = exchange_table(story.history(), range(3, 3 + MAX_EXCHANGES + 1))
    assert table.count("unresolved_batch_messages") == MAX_EXCHANGES
    assert "1 more in history.jsonl" in table


def test_what_a_target_says_is_text() -> None:
    story = Story().send("b", "F")
    story.messages["b.0"]["attempts"][-1]["status"] = "<script>alert(1)</script>"
    table = exchange_table(story.read("b.0").history(), [2])
    assert "<script>" not in table
    assert "&lt;script&gt;" in table


def test_a_lost_answer_says_what_happened() -> None:
    story = Story().send("b", "F").retry("b", None)
    assert "<td>lost</td>" in exchange_table(story.history(), [2])
