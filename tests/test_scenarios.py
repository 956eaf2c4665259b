"""The planned scenarios against the reference target: what each makes happen, by the recorded history, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.config import Config, Limits, OtherCampaign, Target
from conformance.drivers.scenarios import run_programs
from conformance.history.probe import Probe
from conformance.history.records import Exchange, History
from conformance.program.cost import cost_of
from conformance.program.steps import Burst, Program, Retry, Send, SingleRetry, SingleSend, Wait
from conformance.scenarios import SCENARIOS
from conformance.scenarios.blocking import largest
from conformance.scenarios.scenario import PROBES_A_READ
from tests.exploring import exploring

NAMES = [scenario.name for scenario in SCENARIOS if scenario.name not in ("plain-http", "held")]
RACES = ("race-batch", "race-single")


def _program(name: str, config: Config) -> Program:
    return next(s for s in SCENARIOS if s.name == name).program(config)


def _ran(name: str, folder: Path, *faults: str) -> History:
    with exploring(folder, *faults) as at:
        run_programs(at.run, {name: (_program(name, at.config), ())})
        return at.history()


def _retries(history: History, operation: str = "batch_retry") -> list[Exchange]:
    return [e for e in history.exchanges if e.invoke.operation == operation]


def _code(exchange: Exchange) -> str:
    body = exchange.end.body
    return str(body["error"]["code"]) if isinstance(body, dict) and "error" in body else ""


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_reaches_its_end_and_costs_what_is_planned(name: str, tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        program = _program(name, at.config)
        cost = cost_of(program, at.config)
        run_programs(at.run, {name: (program, ())})
        messages, calls, history = at.run.transport.budget.messages, at.calls, at.history()
    assert not [n.text for n in history.notes if n.event in ("unmet", "waited_out", "refused")]
    if name in RACES:
        # Inside one thread no two requests overlap: the second of a pair may be accepted too.
        assert messages <= cost.messages_at_most
    else:
        assert messages == cost.messages
    assert cost.calls <= calls <= cost.calls_at_most


def _batches(history: History) -> dict[str, int]:
    """Rows of each batch that was sent, by id."""
    sends = [e for e in history.exchanges if e.invoke.operation == "batch_send"]
    return {e.end.body["batchId"]: len(e.invoke.rows) for e in sends}


def _messages(history: History, batch: str) -> list[str]:
    listing = next(
        e for e in reversed(history.exchanges) if e.invoke.operation == "batch_list" and e.invoke.batch == batch
    )
    return [message["id"] for message in listing.end.body["data"]]


def _between(history: History, after: Exchange, before: Exchange) -> list[Exchange]:
    return [e for e in history.exchanges if after.n < e.n < before.n]


def test_the_largest_batch_is_blocked_at_its_first_middle_and_last_place_and_then_retried(tmp_path: Path) -> None:
    history = _ran("blocked", tmp_path)
    ((batch, size),) = _batches(history).items()
    ids = _messages(history, batch)
    assert size == len(ids) == 20
    reset = [e.invoke.message for e in _retries(history, "single_retry")]
    assert [ids.index(str(message)) for message in reset] == [19, 0, 8, 9]
    blocking = reset[:3]
    *refused, accepted = _retries(history)
    assert [(e.status, _code(e)) for e in refused] == [(400, "unresolved_batch_messages")] * 3
    assert accepted.status == 201
    for message, refusal in zip(blocking[:2], refused, strict=False):
        own = [e for e in history.exchanges if e.invoke.message == message and e.invoke.operation == "message_read"]
        before, after = [e for e in own if e.n < refusal.n][-1], next(e for e in own if e.n > refusal.n)
        assert (before.end.body["latestStatus"], after.end.body["latestStatus"]) == ("created", "created")
        assert after.end.body["batches"][0]["status"] == "messages_enqueuing_failed"
    # The message in the middle blocks next to another one.
    assert [e.n < refused[2].n for e in _retries(history, "single_retry")] == [True] * 4
    listings = [e for e in history.exchanges if e.invoke.operation == "batch_list"]
    around = [e for e in listings if e.n < refused[-1].n][-1], next(e for e in listings if e.n > refused[-1].n)
    for listing in around:
        assert [m["id"] for m in listing.end.body["data"] if m["latestStatus"] == "created"] == [reset[2], reset[3]]
    others = {e.invoke.message for e in history.exchanges if e.invoke.operation == "message_read"} - set(blocking)
    assert len(others) == 2
    last = [e for e in history.exchanges if e.invoke.operation == "batch_list"][-1]
    assert {message["numAttempts"] for message in last.end.body["data"]} == {2, 3}


def test_a_batch_is_in_messages_enqueued_before_each_blocked_retry_and_another_is_retried_meanwhile(
    tmp_path: Path,
) -> None:
    history = _ran("blocked-again", tmp_path)
    batch = next(b for b, rows in _batches(history).items() if rows > 1)
    own = [e for e in _retries(history) if e.invoke.batch == batch]
    assert [e.status for e in own] == [400, 201, 400, 400, 201, 400, 400]
    for refusal in (own[0], own[2], own[5]):
        seen = [e for e in history.exchanges if e.n < refusal.n and e.invoke.operation == "message_read"]
        statuses = [b["status"] for e in seen for b in e.end.body["batches"] if b["id"] == batch]
        assert statuses[-1] == "messages_enqueued"
    recipients = [row.recipient for e in history.exchanges for row in e.invoke.rows if len(e.invoke.rows) > 1]
    assert recipients[2] == recipients[3], "the second message to block is the second row of a recipient"
    singles = [e.invoke.message for e in _retries(history, "single_retry")]
    assert [_messages(history, batch).index(str(message)) for message in singles] == [0, 3, 2]
    # The first is delivered by its single retry; one to the same number is retried next to it.
    listings = [e for e in history.exchanges if e.invoke.operation == "batch_list" and e.invoke.batch == batch]
    assert recipients[0] == recipients[1]
    assert [(m["latestStatus"], m["numAttempts"]) for m in listings[-1].end.body["data"][:2]] == [("success", 2)] * 2
    other = next(e for e in _retries(history) if e.invoke.batch != batch)
    assert other.status == 201
    blocker = [e for e in history.exchanges if e.invoke.message == singles[0] and e.invoke.operation == "message_read"]
    around = [e for e in blocker if e.n < other.n][-1], next(e for e in blocker if e.n > other.n)
    assert {e.end.body["latestStatus"] for e in around} == {"created"}


def test_messages_are_retried_until_each_is_refused(tmp_path: Path) -> None:
    history = _ran("rounds", tmp_path)
    assert [e.status for e in _retries(history)] == [201, 201, 201, 400]
    assert _code(_retries(history)[-1]) == "no_failed_batch_messages_to_retry"
    singles = _retries(history, "single_retry")
    spent = (400, "too_many_message_attempts_error")
    assert [(e.status, _code(e)) for e in singles] == [*[(201, "")] * 3, *[spent] * 2]
    last = [e for e in history.exchanges if e.invoke.operation == "batch_list"][-1]
    shown = [(message["latestStatus"], message["numAttempts"]) for message in last.end.body["data"]]
    assert shown == [("failure", 4), ("failure", 4), ("success", 1), ("failure", 4)]


def test_single_retries_that_must_be_refused(tmp_path: Path) -> None:
    history = _ran("alone", tmp_path)
    told = {
        str(Probe.parse(e.invoke.cause)): e for e in _retries(history, "single_retry") if e.invoke.cause is not None
    }
    code = "message_not_found_or_retry_message_not_in_failure_status"
    assert (told["id:unknown"].status, _code(told["id:unknown"])) == (400, code)
    assert told["id:unknown"].invoke.charge == 0
    foreign = ("campaign:other", "auth:other-key", "campaign:other-own-key")
    assert [told[cause].status for cause in foreign] == [403, 403, 400]
    plain = [e for e in _retries(history, "single_retry") if e.invoke.cause is None]
    assert [(e.status, _code(e)) for e in plain] == [(400, code), (201, ""), (400, code), (400, code), (201, "")]
    delivered, accepted, reset, underway, _ = plain
    assert delivered.invoke.message != accepted.invoke.message == reset.invoke.message == underway.invoke.message
    between = [e for e in _between(history, reset, underway) if e.invoke.message == accepted.invoke.message]
    assert between[-1].end.body["latestStatus"] not in ("created", "success", "failure")
    assert all(told[cause].invoke.message == accepted.invoke.message for cause in foreign)
    # The chain is closed by the accepted retry: nothing but reads lies between, and each probe is read back.
    between = _between(history, told[foreign[-1]], accepted)
    assert {e.invoke.operation for e in between} <= {"message_read", "batch_list"}
    after = next(e for e in history.exchanges if e.n > reset.n and e.invoke.operation == "message_read")
    assert after.end.body["latestStatus"] == "created"


def test_a_batch_is_retried_when_a_single_retry_has_delivered_one_of_its_messages(tmp_path: Path) -> None:
    history = _ran("alone", tmp_path)
    delivered = next(e for e in _retries(history, "single_retry") if e.status == 201)
    last = _retries(history)[-1]
    assert last.status == 201
    before = [m for e in history.exchanges if e.last < last.t for m in _shown(e) if m["id"] == delivered.invoke.message]
    assert before[-1]["latestStatus"] == "success"
    counts = {m["id"]: m["numAttempts"] for e in history.exchanges for m in _shown(e) if "numAttempts" in m}
    assert counts[str(delivered.invoke.message)] == 2


def test_without_a_second_campaign_nobody_elses_path_is_tried(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        bare = msgspec.structs.replace(at.config.target, other=None)
        program = _program("alone", msgspec.structs.replace(at.config, target=bare))
        keyless = msgspec.structs.replace(bare, other=OtherCampaign(campaign_id="d"))
        some = _program("alone", msgspec.structs.replace(at.config, target=keyless))
    causes = [[s.cause for s in p.steps if isinstance(s, SingleRetry) and s.cause] for p in (program, some)]
    assert causes == [["id:unknown"], ["id:unknown", "campaign:other"]]


def test_a_message_is_delivered_by_its_retry_and_one_sent_later_as_well(tmp_path: Path) -> None:
    history = _ran("recovering", tmp_path)
    retries = _retries(history)
    assert [{e.status for e in retries[i : i + 2]} for i in (0, 2)] == [{201, 400}] * 2, "each is retried twice at once"
    assert _code(retries[4]) == "no_failed_batch_messages_to_retry", "all of its messages are delivered"
    assert len({e.invoke.batch for e in retries}) == 2
    (later,) = [e for e in history.exchanges if e.invoke.operation == "single_send"]
    assert later.t > max(e.last for e in retries[:4])
    last = {m["id"]: m["latestStatus"] for e in history.exchanges for m in _shown(e)}
    assert set(last.values()) == {"success"}
    assert len(last) == 3


def _shown(exchange: Exchange) -> Sequence[dict[str, Any]]:
    body = exchange.end.body
    if exchange.invoke.operation == "batch_list":
        data: list[dict[str, Any]] = body["data"]
        return data
    return [body] if exchange.invoke.operation == "message_read" else []


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("body", ["body:json-recipient", "body:json-ids"]),
        ("query", ["query:limit", "query:recipient"]),
        ("forced", ["query:force", "header:accept-language"]),
    ],
)
def test_what_must_not_matter_is_tried_next_to_a_delivered_message_and_read_whole(
    name: str, causes: list[str | None], tmp_path: Path
) -> None:
    history = _ran(name, tmp_path)
    ((batch, size),) = _batches(history).items()
    retries = _retries(history)
    assert [e.invoke.cause for e in retries] == causes
    assert {e.status for e in retries} == {201}
    for index, retry in enumerate(retries):
        last = index + 1 == len(retries)
        until = history.exchanges[-1].n + 1 if last else retries[index + 1].n
        after = [e for e in history.exchanges if retry.n < e.n < until]
        messages = _messages(history, batch)
        alone = {e.invoke.message for e in after if e.invoke.operation == "message_read"}
        assert alone == set(messages if last else messages[:1])
        listed = [e for e in after if e.invoke.operation == "batch_list"][-1].end.body["data"]
        assert sorted(m["latestStatus"] for m in listed) == ["failure"] * (size - 1) + ["success"]


@pytest.mark.parametrize("name", ["keys", "methods", "foreign"])
def test_chains_run_on_a_batch_that_was_not_retried_before_and_are_closed(name: str, tmp_path: Path) -> None:
    history = _ran(name, tmp_path)
    retries = _retries(history)
    closing = next(e for e in retries if e.invoke.cause is None)
    probes = [e for e in retries if e.n < closing.n]
    assert closing.status == 201
    assert probes
    assert not any(e.accepted for e in probes)
    assert not [e for e in _retries(history, "single_retry") if e.n < closing.n]
    group: set[str | None] = set()
    count = 0
    for e in history.exchanges[probes[0].n - 1 : closing.n]:
        if e in probes:
            group.add(Probe.parse(e.invoke.cause).requirement())  # type: ignore[union-attr]
            count += 1
            assert len(group) == 1, "an effect that shows behind them breaks one requirement"
            assert count <= PROBES_A_READ
        elif (e.invoke.operation, e.invoke.batch) == ("batch_list", closing.invoke.batch):
            group, count = set(), 0
    assert not count, "the last ones are read back too"


def test_a_method_override_is_tried_on_post_and_on_other_methods(tmp_path: Path) -> None:
    history = _ran("methods", tmp_path)
    causes = {e.invoke.cause for e in _retries(history)}
    assert {"method:GET-as-POST", "method:PUT-as-POST", "header:method-override"} <= causes
    # Behind it a refusal in a later round, with the batch in messages_enqueued before.
    assert _code(_retries(history)[-2]) == "unresolved_batch_messages"
    # The limit holds in messages_enqueuing_failed too.
    assert _retries(history)[-1].status == 201
    last = [e for e in history.exchanges if e.invoke.operation == "batch_list"][-1]
    assert [message["numAttempts"] for message in last.end.body["data"]] == [4, 4]


def test_views_are_read_until_they_agree(tmp_path: Path) -> None:
    history = _ran("mixed", tmp_path)
    last = history.exchanges[-5:]
    assert [e.invoke.operation for e in last] == ["campaign_list", *["message_read"] * 4]
    # The wait for the retry has read the listing, right before.
    listing = [e for e in history.exchanges if e.invoke.operation == "batch_list"][-1]
    assert listing.n == last[0].n - 2
    seen = [{m["id"]: m["latestStatus"] for m in e.end.body["data"]} for e in (listing, last[0])]
    # The campaign's listing holds the message that was sent singly as well.
    assert len(seen[1]) == len(seen[0]) + 1
    assert (
        seen[0] == {m: seen[1][m] for m in seen[0]} == {e.end.body["id"]: e.end.body["latestStatus"] for e in last[1:]}
    )


def test_a_delivered_batch_is_refused_for_want_of_a_failed_message(tmp_path: Path) -> None:
    (refused,) = _retries(_ran("delivered", tmp_path))
    assert _code(refused) == "no_failed_batch_messages_to_retry"


def test_a_control_stands_next_to_all_and_is_read_once_more_behind_every_retry(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        names = ("control", "after-accepted", "later")
        run_programs(at.run, {name: (_program(name, at.config), ()) for name in names})
        history = at.history()
        untouched = at.run.untouched
    control = [e for e in history.exchanges if e.invoke.scenario == "control"]
    assert [e.invoke.charge for e in control if e.invoke.operation == "single_send"] == [1]
    (alone,) = [e.end.body["id"] for e in control if e.invoke.operation == "single_send"]
    last = max(e.n for e in _retries(history))
    looked = [e for e in control if e.n > last]
    assert alone in {e.invoke.message for e in looked}
    assert {"batch_list", "campaign_list"} <= {e.invoke.operation for e in looked}
    assert {c.batch is None for c in untouched} == {True, False}
    assert alone in {message for c in untouched for message in c.messages}


@pytest.mark.parametrize("fault", ["", "campaign-cursors-are-times"])
def test_pages_of_the_campaign_s_listing_part_within_the_control_batch(fault: str, tmp_path: Path) -> None:
    with exploring(tmp_path, *([fault] if fault else [])) as at:
        run_programs(at.run, {name: (_program(name, at.config), ()) for name in ("control", "content")})
        history = at.history()
    own = next(e for e in history.exchanges if e.invoke.scenario == "control" and e.invoke.operation == "batch_list")
    one, two = (message["id"] for message in own.end.body["data"])
    control = [e for e in history.exchanges if e.invoke.scenario == "control"]
    pages = [e for e in control if e.invoke.operation == "campaign_list"]
    asked = [dict(e.invoke.query) for e in pages]
    shown = [[message["id"] for message in e.end.body["data"]] for e in pages]
    whole, first, second, *again = [(a, s) for a, s in zip(asked, shown, strict=True)][1:]
    assert first[1][-1] == one
    assert second[0] == {"limit": first[0]["limit"], "after": pages[2].end.body["pageData"]["endCursor"]}
    # Where the second is lost between them, the whole is read once more: it is there.
    assert (second[1][0] == two, [a for a, _ in again]) == ((False, [{"limit": "1000"}]) if fault else (True, []))
    assert two in [*whole[1], *(i for _, ids in again for i in ids)]


def test_the_batch_that_is_retried_when_the_others_have_ended_is_older_than_any_before_its_first_retry(
    tmp_path: Path,
) -> None:
    with exploring(tmp_path) as at:
        names = ("control", "rounds", "after-accepted", "later")
        run_programs(at.run, {name: (_program(name, at.config), ()) for name in names})
        history = at.history()
    own = [e for e in _retries(history) if e.invoke.scenario == "after-accepted"]
    # While the batch was processed; and when it was quiet: what a refusal leaves behind does not keep it from being retried.
    assert [e.status for e in own] == [400, 400, 201, 400]
    assert own[2].n > max(e.n for e in _retries(history) if e.invoke.scenario == "rounds")
    # What must stand still is looked at behind that.
    assert own[-1].n < min([e.n for e in history.exchanges if e.invoke.scenario == "control"][-4:])


@pytest.mark.parametrize("scenario", ["delivered", "rounds"])
def test_what_a_refusal_that_finds_nothing_to_retry_leaves_to_a_queue_is_looked_for_when_all_others_have_ended(
    scenario: str, tmp_path: Path
) -> None:
    with exploring(tmp_path) as at:
        run_programs(at.run, {name: (_program(name, at.config), ()) for name in (scenario, "after-accepted")})
        history = at.history()
    refused = [e for e in _retries(history) if e.invoke.scenario == scenario][-1]
    assert refused.status == 400
    late = [e for e in history.exchanges if e.invoke.scenario == scenario and e.invoke.operation == "batch_list"][-1]
    others = [e for e in _retries(history) if e.invoke.scenario == "after-accepted"]
    assert late.n > max(e.n for e in others) > refused.n


@pytest.mark.parametrize(
    ("fault", "found_by"), [("only-the-first-ten-block", "blocked"), ("exhausted-do-not-block", "methods")]
)
def test_a_requirement_takes_all_of_its_scenarios_for_some_faults_show_in_one_only(
    fault: str, found_by: str, tmp_path: Path
) -> None:
    """Why a selection is no cover of its requirements by the cheapest scenarios."""
    found = set()
    for name in [scenario.name for scenario in SCENARIOS if "BR-BLK-01" in scenario.requirements and not scenario.deep]:
        with exploring(tmp_path / name, fault) as at:
            run_programs(at.run, {name: (_program(name, at.config), ())})
            found.update([name] if "BR-BLK-01" in at.broken() else [])
    assert found == {found_by}


def test_the_largest_batch_fits_the_budget_of_messages() -> None:
    sizes = {
        limits: largest(Config(limits=Limits(max_rows=limits[0], max_messages=limits[1])))
        for limits in ((20, 500), (1000, 500), (1000, 10_000), (3, 500), (20, 8))
    }
    assert list(sizes.values()) == [20, 62, 1000, 3, 4]


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_small_batches_are_enough(most: int, tmp_path: Path) -> None:
    limits = Limits(calls_per_second=1e6, max_rows=most, max_messages=10_000, max_calls=10_000)
    with exploring(tmp_path, limits=limits) as at:
        programs = {name: (_program(name, at.config), ()) for name in ("blocked", "content", "texts")}
        cost = sum(cost_of(program, at.config).messages for program, _ in programs.values())
        run_programs(at.run, programs)
        assert not [n.text for n in at.history().notes if n.event in ("unmet", "waited_out", "refused")]
        assert at.run.transport.budget.messages == cost


def test_all_scenarios_together_keep_within_the_price(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        costs = {
            s.name: cost_of(s.program(at.config), at.config) for s in SCENARIOS if s.name != "plain-http" and not s.deep
        }
        run_programs(at.run, {name: (_program(name, at.config), ()) for name in costs if name != "held"})
    assert sum(cost.messages for cost in costs.values()) <= 230
    assert at.run.transport.budget.messages <= 230
    assert at.calls <= 570


def test_every_scenario_sends_before_it_waits_and_retries_what_it_made() -> None:
    config = Config(target=Target(base_url="http://127.0.0.1:1/api/v2", campaign_id="c"))
    for scenario in SCENARIOS:
        steps = scenario.program(config).steps
        at_once = [step for s in steps if isinstance(s, Burst) for step in s.steps]
        made = {s.batch for s in (*steps, *at_once) if isinstance(s, Send | SingleSend)}
        waited = {s.batch for s in steps if isinstance(s, Wait) and s.until in ("quiet", "retried")}
        retried = {s.batch for s in steps if isinstance(s, Retry) and s.cause is None}
        if scenario.name != "held":
            assert waited | retried <= made, scenario.name


def test_where_rows_are_sent_in_every_language_the_texts_are_in_that_language(tmp_path: Path) -> None:
    history = _ran("content", tmp_path)
    (rows,) = [e.invoke.rows for e in history.exchanges if e.invoke.rows]
    said = {row.language: row.values["body"] for row in rows}
    assert set(said) == {"english", "chinese", "malay", "tamil"}
    assert not said["chinese"].isascii()
    assert not said["tamil"].isascii()


def test_each_configured_language_is_that_of_a_message_that_blocks(tmp_path: Path) -> None:
    with exploring(tmp_path) as at:
        run_programs(at.run, {name: (_program(name, at.config), ()) for name in ("blocked", "blocked-again")})
        history = at.history()
        languages = {offered.language for offered in at.config.template.languages}
    rows = {row.nonce: row.language for e in history.exchanges for row in e.invoke.rows}
    reset = [e for e in _retries(history, "single_retry") if e.status == 201]
    texts = {str(e.end.body["values"]) for e in reset}
    assert {rows[nonce] for text in texts for nonce in rows if nonce in text} == {"english", *languages}
