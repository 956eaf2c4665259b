"""What is drawn: from the seed alone, boundaries first, every kind early, and nothing that could direct a server."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis.internal import charmap
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from conformance.drivers.fuzzing import Cases
from conformance.fuzzing.budget import AMOUNTS
from conformance.fuzzing.drawing import Drawn
from conformance.fuzzing.isolated_constants import utf8
from conformance.fuzzing.reads import ODD, VALID, list_reads
from conformance.fuzzing.texts import texts
from conformance.fuzzing.unusual import OddRetry, directing, in_turn, odd_retries
from tests.sieve import Sieve, sift

QUICK = AMOUNTS["quick"]


@pytest.fixture(scope="module")
def cases() -> Cases:
    """What a standard run with seed 7 may send."""
    return Cases(7, AMOUNTS["standard"])


def drawn(
    *,
    query: tuple[tuple[str, str], ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
    body: Any = None,
    media_type: str | None = None,
) -> Drawn:
    """A case of the retry with these parts."""
    return Drawn(
        operation="batch_retry", method="POST", query=query, headers=headers, body=body, media_type=media_type, name="a"
    )  # fmt: skip


def test_the_same_seed_draws_the_same_and_another_does_not(cases: Cases) -> None:
    again, other = Cases(7, AMOUNTS["standard"]), Cases(8, AMOUNTS["standard"])
    assert (again.campaign, again.batch, again.odd, again.texts) == (
        cases.campaign,
        cases.batch,
        cases.odd,
        cases.texts,
    )
    assert other.odd != cases.odd


def test_what_stands_in_loaded_modules_is_not_drawn(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it change what is. If this breaks, Hypothesis has moved the handle that ``sealed`` holds."""
    kept = Constants(strings={"a key of the user's", "another"}, integers={65912345})
    monkeypatch.setattr(providers, "_get_local_constants", lambda: kept)
    again = Cases(7, AMOUNTS["standard"])
    assert (again.odd, again.campaign, again.texts) == (cases.odd, cases.campaign, cases.texts)


def test_the_boundaries_of_a_page_come_early_even_at_the_least_depth() -> None:
    reads = Cases(1, QUICK).campaign[: QUICK.reads]
    limits = {dict(read.query)["limit"] for read in reads if read.cause is None}
    assert {"1", "1000"} <= limits
    assert {VALID, ODD} <= {read.cause for read in reads}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_kind_of_odd_retry_is_among_the_first(seed: int) -> None:
    first = {odd.cause for odd in Cases(seed, QUICK).odd[: QUICK.odd]}
    kinds = {"number", "boolean", "null", "string", "array", "object", "text", "form", "multipart", "bytes"}
    assert {f"body:generated:{kind}" for kind in kinds} <= first
    assert {"query:generated:non-ascii", "query:generated:plain", "id:generated:non-ascii"} <= first


def test_every_odd_retry_is_odd_in_one_thing(cases: Cases) -> None:
    for odd in cases.odd:
        parts = [odd.tail or None, odd.method, odd.query or None, odd.headers or None, odd.content]
        assert sum(part is not None for part in parts) == 1, odd
        assert odd.cause.split(":")[0] in ("id", "method", "query", "header", "body")


@pytest.mark.parametrize(
    "name",
    [
        "batchId",
        "message_ids",
        "X-HTTP-Method-Override",
        "recipient",
        "phoneNumber",
        "to",
        "id",
        "Campaign",
        "x-forwarded-for",
    ],
)
def test_what_may_direct_a_server_is_left_out(name: str) -> None:
    assert directing(name)
    parts = [
        drawn(query=((name, "%"),)),
        drawn(headers=((name, "x"),)),
        drawn(body={"a": [{name: "%"}]}, media_type="application/json"),
        drawn(body={name: "%"}, media_type="multipart/form-data"),
        drawn(body={name: "%"}, media_type="application/x-www-form-urlencoded"),
    ]
    assert [odd for odd in odd_retries(parts) if not odd.cause.startswith("id:")] == []


def test_a_header_of_the_connection_or_of_the_transport_is_left_out() -> None:
    names = ("Host", "Authorization", "Content-Length", "Expect", "Upgrade", "TE", "bad name", "")
    found = odd_retries([drawn(headers=((name, "x"),)) for name in names])
    assert {odd.cause.split(":")[0] for odd in found} == {"id"}


@pytest.mark.parametrize("value", ["a\nb", "é", " a", "a" * 2_001])
def test_a_value_that_no_header_can_carry_is_left_out(value: str) -> None:
    assert {odd.cause.split(":")[0] for odd in odd_retries([drawn(headers=(("x-odd", value),))])} == {"id"}


def test_kinds_take_turns() -> None:
    assert in_turn({"a1": "a", "a2": "a", "b1": "b", "a3": "a", "b2": "b"}) == ["a1", "b1", "a2", "b2", "a3"]


def test_a_read_asks_for_a_page_that_the_document_allows(cases: Cases) -> None:
    for read in (*cases.campaign, *cases.batch):
        assert 1 <= int(dict(read.query)["limit"]) <= 1000
        assert (read.cause is None) == (len(read.query) == 1)
    limits = [(("limit", value),) for value in ("0", "1001", "", "x", "²")]
    assert list_reads("batch_list", [drawn(query=query) for query in limits]) == []


def test_a_number_in_a_search_is_nobodys() -> None:
    reads = list_reads("batch_list", [drawn(query=(("limit", "5"), ("search", "6591234567")))])
    assert reads
    assert not any("6591234567" in value for read in reads for _, value in read.query)


def test_texts_are_fit_to_be_sent(cases: Cases) -> None:
    assert texts([drawn(body=["a\x00b\r\nc\u2028d", "  ", "6591234567", "x" * 90, 3, None])]) == ["abcd", "0", "x" * 50]
    assert cases.texts
    assert not any(unicodedata.category(c).startswith("C") for text in cases.texts for c in text)
    assert max(map(len, cases.texts)) <= 50


def test_nothing_drawn_depends_on_an_answer(tmp_path: Path) -> None:
    """Whatever a target answers, the odd retries and the reads of the campaign are the same, in the same order."""

    def asked(name: str, sieve: Sieve) -> list[tuple[object, ...]]:
        folder = tmp_path / name
        folder.mkdir()
        sent = [e.invoke for e in sift(sieve, folder, seed=5, depth="quick").exchanges]
        chosen = [i for i in sent if i.operation in ("batch_retry", "campaign_list")]
        return [(i.operation, i.cause, i.query, i.body) for i in chosen]

    usual = asked("usual", Sieve())
    assert len(usual) > 20
    assert asked("refusing", Sieve(fixed=(403, {"message": "no", "statusCode": 403}))) == usual
    assert asked("empty", Sieve(fixed=(200, None))) == usual


def test_only_a_run_that_draws_pays_for_schemathesis() -> None:
    code = "import sys, conformance.cli, conformance.drivers; print('schemathesis' in sys.modules, 'hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_odd_retry_is_plain_data() -> None:
    assert OddRetry(cause="a") == OddRetry(cause="a")
    assert len({OddRetry(cause="a"), OddRetry(cause="a")}) == 1


def test_what_utf_8_encodes_is_what_hypothesis_finds_out() -> None:
    found, lossy = charmap.intervals_from_codec("utf-8")
    told, none = utf8()
    assert (told.intervals, none.intervals) == (found.intervals, lossy.intervals)
