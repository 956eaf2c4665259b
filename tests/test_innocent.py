"""A second target that shares no code with the reference is left alone, and what is wrong in it is found.

A short run of each: ``python -m benchmarks.innocent`` makes many, with every driver.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.innocent import CLEAN, run
from tests.innocent.answers import RefusalError
from tests.innocent.paging import Keyset, Wanted, from_cursor, to_cursor
from tests.innocent.queue import Queue
from tests.innocent.store import Store, wall_clock

#: What a short run is about: each takes a batch or two.
ABOUT = ("BR-SEL-02", "BR-IDS-05", "BR-SEC-03")


@pytest.mark.parametrize("name", [CLEAN, "pages-by-the-time-alone"])
def test_a_short_run_says_what_is_wrong_and_nothing_else(name: str) -> None:
    done = run(1, name=name, drivers=("scenarios",), selected=ABOUT if name == CLEAN else ("BR-IDS-05",), delivery=0.4)
    assert done.right, "\n".join(done.lines)
    assert name != CLEAN or done.exit_status == 0, "\n".join(done.lines)


def test_pages_hold_every_message_once_in_both_directions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    queue = Queue(store, delivery=1.0, seed=0)
    with store.writing() as db:
        db.execute("INSERT INTO campaign VALUES ('c', 'k')")
        for created in (5, 5, 5, 5, 7, 7, 9):
            number = db.execute("SELECT count(*) FROM message").fetchone()[0]
            row = [f"m{number * 5 % 7}", "c", None, "6511111111", "english", "{}", created]
            db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            queue.attempt(db, str(row[0]), 1, wall_clock())
    with store.reading() as db:
        whole = [r["id"] for r in Keyset().rows(db, "campaign_id", "c", Wanted(10))[0]]
        forward, after = [], None
        for _ in range(4):
            rows, data = Keyset().rows(db, "campaign_id", "c", Wanted(2, after=after))
            forward += [r["id"] for r in rows]
            assert data["hasNextPage"] is (len(forward) < 7)
            after = from_cursor(str(data["endCursor"]))
        backward: list[str] = []
        before = (10, "")
        for _ in range(4):
            rows, data = Keyset().rows(db, "campaign_id", "c", Wanted(2, before=before))
            backward = [r["id"] for r in rows] + backward
            assert data["hasPreviousPage"] is (len(backward) < 7)
            before = from_cursor(str(data["startCursor"]))
    assert len(set(whole)) == 7
    assert forward == backward == whole


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail() -> None:
        with store.writing() as db:
            db.execute("INSERT INTO campaign VALUES ('c', 'k')")
            raise RefusalError(400, "x", "y")

    with pytest.raises(RefusalError):
        fail()
    with store.reading() as db:
        assert db.execute("SELECT count(*) FROM campaign").fetchone()[0] == 0


def test_a_cursor_says_where_it_stands() -> None:
    assert from_cursor(to_cursor((17, "message_a/b"))) == (17, "message_a/b")
    with pytest.raises(RefusalError):
        from_cursor("nothing of ours!")
