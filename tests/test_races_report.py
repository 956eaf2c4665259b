"""What a report says of races: pairs, skew, and the window that they cover."""

from __future__ import annotations

from conformance.history.records import End, Exchange, Header, History, Invoke, Operation
from conformance.report.model import Races
from conformance.report.racing import in_words, races

HEADER = Header(suite_version="0", contract_version="1.0", run_id="r", started="", base_url="", campaign_id="c")


def _exchange(
    n: int, released: float, *, race: int | None = 1, status: int = 201, operation: Operation = "batch_retry",
    taken: float = 0.01,
) -> Exchange:  # fmt: skip
    return Exchange(
        invoke=Invoke(n=n, t=released - 0.001, operation=operation, method="POST", path="/", race=race),
        end=End(
            n=n, outcome="answered", released=released, first=released + taken, last=released + taken, status=status
        ),
    )


def _races(*exchanges: Exchange) -> Races:
    return races(History(header=HEADER, exchanges=exchanges))


def test_pairs_and_the_largest_skew() -> None:
    pair = (_exchange(1, 1.0), _exchange(2, 1.002))
    three = tuple(_exchange(n, 2.0 + n / 10_000, race=2) for n in (3, 4, 5))
    read = _exchange(6, 2.5, race=2, operation="message_read")
    assert _races(*pair, *three, read) == Races(pairs=4, skew=0.002, window=0.002)


def test_the_window_is_wider_by_what_single_reads_differ() -> None:
    reads = [_exchange(n, n, race=None, operation="message_read", taken=0.01 + n / 1000) for n in range(10, 31)]
    found = _races(_exchange(1, 1.0), _exchange(2, 1.001), *reads)
    assert found.window == 0.02
    assert "1.00 ms" in in_words(found)
    assert "20.0 ms" in in_words(found)


def test_a_race_with_a_429_does_not_count() -> None:
    assert _races(_exchange(1, 1.0), _exchange(2, 1.0, status=429)) == Races()
    assert in_words(Races()) == ""
