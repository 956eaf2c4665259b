"""What a run's answers come to is bounded, and judging them takes memory and time in proportion."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from conformance.errors import TargetError
from conformance.history.reader import read_history
from conformance.judges.schema import MOST_ITEMS, mismatch, smaller
from conformance.transport.bounds import MAX_ROWS, TooLargeError, parse
from conformance.transport.client import HttpTransport
from conformance.transport.volume import CALLS, MOST, PART, ROW, Volume
from tests.raw import LIST, a_config, answer, listening, saying, transported


def _page(rows: int, mark: str = "") -> dict[str, object]:
    return {"data": [{"id": f"m{mark}{i}"} for i in range(rows)], "pageData": {}}


def test_a_page_of_too_many_messages_is_not_read() -> None:
    assert parse(json.dumps(_page(MAX_ROWS)).encode())[1] == "json"
    with pytest.raises(TooLargeError, match=f"lists more than {MAX_ROWS} messages"):
        parse(json.dumps(_page(MAX_ROWS + 1)).encode())


def _filled() -> Volume:
    volume = Volume(CALLS)
    volume.add("x" * MOST)
    return volume


def test_messages_that_are_shown_again_cost_less_than_new_ones() -> None:
    volume = Volume(CALLS)
    volume.add(_page(100))
    first = volume.size
    volume.add(_page(100))
    again = volume.size - first
    volume.add(_page(100, "other"))
    assert again == 100 * ROW < first
    assert volume.size - first - again > again
    assert (volume.full, _filled().full) == (False, True)
    assert Volume(10 * CALLS).most == 10 * Volume(1).most


def test_what_stands_beside_the_messages_of_a_page_counts_too() -> None:
    bare, more = Volume(CALLS), Volume(CALLS)
    bare.add({"data": []})
    more.add({"data": [], "x": [{"k": ""}] * 1000})
    assert more.size - bare.size > 1000 * PART


def _often(transport: HttpTransport) -> None:
    for _ in range(7):
        transport.call(LIST)


def test_answers_that_fill_the_memory_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.transport.volume.MOST", 300_000)
    body = json.dumps(_page(100)).encode()
    with listening(saying(answer(200, body))) as server, transported(a_config(server.url), tmp_path) as transport:
        for _ in range(2):
            transport.call(LIST)
        with pytest.raises(TargetError, match=r"fill more than can be judged at once.*fewer messages"):
            _often(transport)
    assert 2 < len(read_history(tmp_path / "history.jsonl").exchanges) < 9


def test_rows_that_are_shown_again_are_held_once(tmp_path: Path) -> None:
    body = json.dumps(_page(3)).encode()
    with listening(saying(answer(200, body))) as server, transported(a_config(server.url), tmp_path) as transport:
        transport.call(LIST)
        transport.call(LIST)
    one, other = (e.end.body for e in read_history(tmp_path / "history.jsonl").exchanges)
    assert one == other == _page(3)
    assert [a is b for a, b in zip(one["data"], other["data"], strict=True)] == [True] * 3


@pytest.mark.parametrize("place", [0, MOST_ITEMS + 5, 4 * MOST_ITEMS])
def test_what_is_wrong_in_a_long_list_is_found_wherever_it_stands(place: int) -> None:
    message: dict[str, object] = {"id": "m", "recipient": "6511112222", "latestStatus": "failure"}
    rows = [message] * (4 * MOST_ITEMS + 1)
    body = {"data": rows, "pageData": {}}
    assert mismatch("campaign_list", 200, body) is None
    rows[place] = {**message, "latestStatus": 7}
    few = {"data": [rows[place]], "pageData": {}}
    assert mismatch("campaign_list", 200, body) == mismatch("campaign_list", 200, few)
    attempts: list[object] = [{"status": "failure"}] * place + [7]
    within = {"data": [{**message, "attempts": attempts}], "pageData": {}}
    assert str(mismatch("campaign_list", 200, within)).startswith("data[*].attempts[*]: ")


def test_a_body_is_made_smaller_until_no_long_list_is_left() -> None:
    """Whatever is wrong with it, the part is wrong as well."""

    def fits(value: object) -> bool:
        return b"wrong" not in msgspec.json.encode(value)

    body = {"a": ["x"] * 1000, "b": {"c": ["x"] * 999 + ["wrong"]}, "d": ["x"]}
    part = smaller(body, fits)
    assert not fits(part)
    assert part == {"a": [], "b": {"c": ["x"] * 99 + ["wrong"]}, "d": ["x"]}
    assert smaller({"a": ["x"] * 1000, "b": "wrong"}, fits) == {"a": [], "b": "wrong"}
