"""The history file: what was written is read, a killed run counts as far as it goes, and anything else is one clear error."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import msgspec
import pytest

from conformance.errors import FormatError, UsageError
from conformance.history.reader import MAX_BYTES, join, read_history
from conformance.history.records import AnyRecord, End, Footer, Header, Invoke, Note, Row
from conformance.history.writer import HistoryWriter
from tests.conftest import command

HEADER = Header(
    suite_version="0", contract_version="1.0", run_id="r", started="2026-11-01", base_url="http://h/é", campaign_id="c"
)
ROW = Row(recipient="6511111111", role="failing", language="english", values={"body": 'x\u2028\n"y"'}, nonce="00000001")
RECORDS: tuple[AnyRecord, ...] = (
    Invoke(n=1, t=0.25, operation="batch_send", method="POST", path="/p", rows=(ROW,), charge=1),
    Note(t=0.3, event="program", scenario="s", data={"program": {"steps": [1, None, True]}}),
    End(
        n=1,
        outcome="answered",
        released=0.3,
        first=0.4,
        last=0.5,
        status=201,
        media="json",
        body={"batchId": "b"},
        size=17,
    ),
    Invoke(
        n=2,
        t=0.6,
        operation="batch_retry",
        method="POST",
        path="/r",
        batch="b",
        auth="none",
        cause="auth:none",
        charge=1,
    ),
    End(n=2, outcome="lost", last=0.9, error="the connection was closed while the answer was awaited"),
    Invoke(n=3, t=1.0, operation="message_read", method="GET", path="/m", query=(("limit", "1"),)),
    End(n=3, outcome="not_sent", last=1.1, error="no connection"),
)


def _written(path: Path) -> Path:
    with HistoryWriter(path, HEADER) as writer:
        for record in RECORDS:
            writer.write(record)
        writer.close(2.0, complete=True)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    history = read_history(_written(tmp_path / "h.jsonl"))
    assert history.header == HEADER
    assert history.notes == (RECORDS[1],)
    assert [e.invoke for e in history.exchanges] == [r for r in RECORDS if isinstance(r, Invoke)]
    assert [e.end for e in history.exchanges] == [r for r in RECORDS if isinstance(r, End)]
    assert history.footer == Footer(t=2.0, complete=True, calls=2, messages=2)


def test_a_file_that_was_cut_anywhere_counts_as_far_as_it_goes_or_is_one_error(tmp_path: Path) -> None:
    whole = _written(tmp_path / "h.jsonl").read_bytes()
    first = whole.index(b"\n")
    cut = tmp_path / "cut.jsonl"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        if length < first:
            with pytest.raises(FormatError) as caught:
                read_history(cut)
            assert str(cut) in str(caught.value)
            assert "\n" not in str(caught.value)
            continue
        history = read_history(cut)
        lines = whole[:length].count(b"\n")
        # A last line that lacks its line end only is whole.
        assert len(history.exchanges) in (
            sum(isinstance(r, Invoke) for r in RECORDS[: lines - 1 + more]) for more in (0, 1)
        )
        assert history.footer is None or length >= len(whole) - 1
        for exchange in history.exchanges:
            assert exchange.t <= exchange.last


def test_the_judge_takes_every_such_cut(tmp_path: Path) -> None:
    whole = _written(tmp_path / "h.jsonl").read_bytes()
    cut = tmp_path / "cut.jsonl"
    for length in range(0, len(whole), 97):
        cut.write_bytes(whole[:length])
        status, out, err = command("judge", str(cut))
        assert status == (2 if length <= whole.index(b"\n") - 1 else 3)
        assert "Traceback" not in out + err


def test_a_request_without_an_end_is_lost_until_the_run_ended(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, HEADER) as writer:
        writer.write(RECORDS[3])
        writer.write(RECORDS[0])
        writer.write(msgspec.structs.replace(RECORDS[2], last=7.5))
    history = read_history(path)
    assert [e.n for e in history.exchanges] == [1, 2]
    assert history[2].end.outcome == "lost"
    assert history[2].last == 7.5
    assert history[2].open


def _line(record: object) -> bytes:
    return msgspec.json.encode(record) + b"\n"


HEAD, SENT, ENDED, FOOT = (
    _line(HEADER),
    _line(RECORDS[0]),
    _line(RECORDS[2]),
    _line(Footer(t=1, complete=True, calls=1, messages=1)),
)
WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "empty lines": (b"\n\n", "is empty"),
    "no header": (SENT + ENDED, "header"),
    "two headers": (HEAD + SENT + HEAD, "two headers"),
    "a footer twice": (HEAD + FOOT + FOOT, "after its footer"),
    "more after the footer": (HEAD + FOOT + SENT, "after its footer"),
    "another version": (HEAD.replace(b'"kind":"header"', b'"kind":"header","schema_version":99'), "version 99"),
    "a number twice": (HEAD + SENT + SENT, "two requests"),
    "an end without its request": (HEAD + ENDED, "without its request"),
    "an end twice": (HEAD + SENT + ENDED + ENDED, "twice"),
    "garbage in the middle": (HEAD + b"garbage\n" + SENT, ":2"),
    "garbage at the end": (HEAD + SENT + b"garbage\n", ":3"),
    "a line that is cut in the middle": (HEAD + SENT[:20] + b"\n" + ENDED, ":2"),
    "another kind": (HEAD + b'{"kind":"verdict"}\n', ":2"),
    "a field of another type": (HEAD + SENT.replace(b'"n":1', b'"n":"1"'), ":2"),
    "another operation": (HEAD + SENT.replace(b"batch_send", b"batch_delete"), ":2"),
    "no object": (HEAD + b"[1]\n", ":2"),
    "not UTF-8": (HEAD + SENT.replace(b"/p", b"/\xff"), ":2"),
    "NUL": (HEAD + b"\0\n", ":2"),
    "deep": (HEAD + b"[" * 100_000 + b"\n", ":2"),
    "a report": (b'{"schema_version": 1, "suite": {}}\n', ":1"),
    "binary": (bytes(range(256)), ":1"),
    "a huge line": (HEAD + b'{"kind":"note","t":1,"event":"' + b"x" * (4 << 20) + b"\n" + SENT, ":2"),
}


def _numbered(*numbers: int, footer: bool | None) -> list[AnyRecord]:
    """The records of requests with these numbers; ``footer``: complete or not, None is none."""
    records: list[AnyRecord] = [HEADER]
    records += [Invoke(n=n, t=n, operation="batch_list", method="GET", path="/p") for n in numbers]
    records += [End(n=n, outcome="not_sent" if n == 2 else "answered", last=n + 0.5) for n in numbers]
    if footer is not None:
        records.append(Footer(t=1000, complete=footer, calls=len(numbers) - (2 in numbers), messages=0))
    return records


@pytest.mark.parametrize("missing", [1, 2, 99])
def test_a_hole_is_named(missing: int) -> None:
    numbers = [n for n in range(1, 101) if n != missing]
    with pytest.raises(FormatError, match=f"number {missing}:"):
        join(_numbered(*numbers, footer=True))


@pytest.mark.parametrize("footer", [None, False])
def test_a_run_that_was_ended_may_lack_some_of_its_last_requests(footer: bool | None) -> None:
    assert len(join(_numbered(*(n for n in range(1, 201) if n not in (137, 199)), footer=footer)).exchanges) == 198
    with pytest.raises(FormatError, match="number 136:"):
        join(_numbered(*(n for n in range(1, 201) if n not in (136, 199)), footer=footer))


@pytest.mark.parametrize("footer", [True, False, None])
def test_requests_in_any_order_without_a_hole_are_whole(footer: bool | None) -> None:
    assert len(join(_numbered(*range(200, 0, -1), footer=footer)).exchanges) == 200
    assert join(_numbered(footer=footer)).exchanges == ()


def test_a_lacking_end_of_the_history_is_told_by_its_footer() -> None:
    records = [r for r in _numbered(*range(1, 101), footer=True) if getattr(r, "n", 0) != 100]
    with pytest.raises(FormatError, match="holds 98 requests that were sent, and its footer counts 99"):
        join(records)


@pytest.mark.parametrize("number", [0, -1, 10**18])
def test_numbers_that_no_run_gives(number: int) -> None:
    with pytest.raises(FormatError, match="number"):
        join(_numbered(1, 2, number, footer=None))


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_history_is_one_error_that_says_where(case: str, tmp_path: Path) -> None:
    content, said = WRONG[case]
    path = tmp_path / "h.jsonl"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_history(path)
    text = str(caught.value)
    assert str(path) in text
    assert said in text
    assert "\n" not in text
    assert len(text) < 600
    assert command("judge", str(path))[0] == 2


def test_a_huge_line_that_is_a_record_is_read(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(HEAD + _line(Note(t=1, event="unmet", text="x" * (4 << 20))))
    assert len(read_history(path).notes[0].text) == 4 << 20


def test_files_that_are_none(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for path in (tmp_path, tmp_path / "absent", sparse):
        with pytest.raises(FormatError, match=str(path.name)):
            read_history(path)
    for path in (tmp_path, tmp_path / "absent" / "h.jsonl"):
        with pytest.raises(UsageError, match="cannot be written"):
            HistoryWriter(path, HEADER)


def test_records_of_many_threads_stay_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, HEADER) as writer:

        def work(first: int) -> None:
            for n in range(first, first + 200):
                writer.write(
                    Invoke(n=n, t=1.0, operation="batch_retry", method="POST", path="/" + "x" * 3000, charge=1)
                )
                writer.write(End(n=n, outcome="not_sent" if n % 2 else "answered", last=2.0))

        threads = [threading.Thread(target=work, args=(1 + i * 200,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        writer.close(3.0, complete=False)
        writer.close(4.0, complete=True)
        writer.write(RECORDS[1])
    history = read_history(path)
    assert len(history.exchanges) == 1200
    assert history.footer == Footer(t=3.0, complete=False, calls=600, messages=1200)
    assert history.notes == ()


def test_every_record_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    with HistoryWriter(path, HEADER) as writer:
        for count, record in enumerate(RECORDS, 2):
            writer.write(record)
            lines = path.read_bytes().splitlines()
            assert len(lines) == count
            assert json.loads(lines[-1])["kind"] in ("invoke", "end", "note")


def test_a_second_run_into_a_history_that_is_being_written_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path, HEADER) as writer:
        writer.write(RECORDS[0])
        before = path.read_bytes()
        with pytest.raises(UsageError, match="another run is writing there"):
            HistoryWriter(path, HEADER)
        assert path.read_bytes() == before
        with writer.hold():
            writer.close(1.0, complete=True, messages=0)
            with pytest.raises(UsageError, match="another run is writing there"):
                HistoryWriter(path, HEADER)
    assert read_history(path).footer == Footer(t=1.0, complete=True, calls=1, messages=0)
    _written(path)
    assert len(read_history(path).exchanges) == 3
