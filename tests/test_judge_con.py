"""Family CON: what a race proves, what looks like it and is legal, and what counts as a race at all."""

from __future__ import annotations

import msgspec
import pytest

from conformance.findings import Doubt, Exercise, Finding
from conformance.history.records import History
from conformance.judges import judge
from oracle.explain import explain
from oracle.line import Wait
from oracle.notation import parse, render_line
from oracle.walk import Walk
from oracle.world import Switches
from tests.reported import whole
from tests.story import Story
from tests.test_judge_innocents import done, ready, together

GONE = "400 batch_not_found_or_is_not_retryable"
UNRESOLVED = "400 unresolved_batch_messages"
NOT_FAILED = "400 message_not_found_or_retry_message_not_in_failure_status"
#: Three races of which each gives one attempt for two answers 201, read when the settling time is over (ruling 25).
LACKING = "F1" + "".join(f" | retry 201 & {{0}} | C{n} [enq] | C{n} | settle | F{n} | F{n} [enq]" for n in (2, 3, 4))
#: A retry without a rival that is attempted, and two races whose winner comes to nothing.
NOTHING = (
    "F1 [enq] | F1 | retry 201 | C2 | F2 | retry 201 & retry {0} | settle | F2 | F2 [enq] "
    "| retry 201 & retry {0} | settle | F2 | F2 [enq]"
)

#: The requirement, a line that breaks it, and one that looks alike and is legal.
TABLE = [
    ("BR-CON-01", "F1 | retry 201 & retry 201 | C3<CF", "F1 | retry 201 & retry 201 | C3<FF"),
    ("BR-CON-01", "F1 S1 | retry 201 & retry 201 | E3<DF S1", "F1 S1 | retry 201 & retry 201 | E2<F S1"),
    ("BR-CON-01", "F1 | retry 201 & retry lost | N3<CF", "F1 | retry lost & retry 201 | N3<FF"),
    ("BR-CON-01", f"F1 | retry 201 & retry {UNRESOLVED} | C3", f"F1 | retry 201 & retry {UNRESOLVED} | C2"),
    ("BR-CON-01", "F1 | retry 201 & retry lost | F2 | F4", "F1 | retry 201 & retry lost | F2 | F3"),
    ("BR-CON-02", f"F1 | retry 201 & retry {GONE} | C2 | F1", f"F1 | retry 201 & retry {GONE} | F1 | C2"),
    ("BR-CON-03", "F1 F1 | retry 201 & single 0 201 | C3<CF C2", "F1 F1 | retry 201 & single 0 201 | E2 C2"),
    ("BR-CON-03", f"F1 F1 | retry 201 & single 0 {NOT_FAILED} | C3 C2", "F1 F1 | retry 201 & single 0 201 | F3 F2"),
    ("BR-CON-03", f"F1 F1 | retry {UNRESOLVED} & single 0 201 | C2 F1 | F1 F1", "F1 F1 | single 0 201 | C2 F1"),
]


def _findings(history: History) -> list[Finding]:
    opinions = judge(history)
    assert not [o for o in opinions if isinstance(o, Doubt) and o.code == "suite-error"]
    return [o for o in opinions if isinstance(o, Finding)]


def _ours(history: History) -> list[Finding]:
    return [f for f in _findings(history) if any(name.startswith("BR-CON") for name in f.any_of)]


def _doubts(history: History) -> set[tuple[str, str]]:
    return {(o.requirement, o.code) for o in judge(history) if isinstance(o, Doubt)}


@pytest.mark.parametrize(("requirement", "illegal", "legal"), TABLE)
def test_a_race_that_proves_something_and_one_that_does_not(requirement: str, illegal: str, legal: str) -> None:
    found = _ours(parse(illegal))
    assert [f.any_of[0] for f in found] == [requirement]
    assert explain(parse(illegal), Switches(codes=False).only(found[0].axioms)) is None
    assert _findings(parse(legal)) == []
    assert explain(parse(legal)) is not None


@pytest.mark.parametrize(
    ("requirement", "rival"), [("BR-CON-01", "retry 201"), ("BR-CON-03", "single 0 201")], ids=["batch", "single"]
)
def test_fewer_attempts_than_accepted_retries_three_times(requirement: str, rival: str) -> None:
    history = parse(LACKING.format(rival))
    (found,) = _ours(history)
    assert found.any_of == (requirement,)
    assert "A9" in found.axioms
    # Nothing explains it but that enqueuing failed wholly, unseen, in each of the races.
    assert explain(history, Switches(partial=False)) is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("F1 | retry 201 & retry 201 | C2 [enq] | C2 | settle | F2", "raced-once"),
        (LACKING.format("retry 201").replace(" [enq]", ""), "status-not-visible"),
        (LACKING.format("retry 201").replace("settle", "wait 1"), "not-settled"),
        ("F1 | retry 201 & retry 201 & retry lost | C2 [enq] | C2 | settle | F2", "answer-lost"),
    ],
)
def test_fewer_attempts_that_prove_nothing(line: str, code: str) -> None:
    assert _findings(parse(line)) == []
    assert ("BR-CON-01", code) in _doubts(parse(line))
    assert not [o for o in judge(parse(line)) if isinstance(o, Exercise) and o.requirement == "BR-CON-01"]


def test_a_status_that_shows_partial_enqueue_excuses() -> None:
    line = LACKING.format("retry 201").replace("[enq]", "[failed]")
    assert _findings(parse(line)) == []


def test_partial_enqueue_seen_elsewhere_in_the_run_excuses() -> None:
    alone = "F1 F1 | retry 201 | C2 F1 | C2 - [failed] | F2 F1 | F2 F1 [failed]"
    raced = "retry 201 & retry 201 | C3 F1 | C3 - [enq] | settle | F3 F1"
    again = "retry 201 & retry 201 | F3 C2 | - C2 [enq] | settle | F3 F2"
    assert _ours(parse(f"{alone} | {raced} | {again}")) == []


def test_two_retries_may_share_the_messages() -> None:
    """Each took up another message of the batch, and said so for a moment that nobody saw: attempts are enough."""
    line = "F1 F1 | retry 201 & retry 201 | C2 E2 | C2 - [enq] | settle | F2 F2"
    assert _findings(parse(line)) == []
    assert explain(parse(line)) is not None


def test_a_single_retry_needs_an_attempt_of_its_own_message() -> None:
    raced = "retry 201 & single 0 201 | F1 C{0} | F1 - [enq] | settle | F1 F{0}"
    (found,) = _ours(parse(f"F1 F1 | {raced.format(2)} | {raced.format(3)} | {raced.format(4)}"))
    assert found.any_of == ("BR-CON-03",)


def test_a_winner_that_comes_to_nothing_twice_while_others_are_attempted() -> None:
    found = {f.any_of for f in _findings(parse(NOTHING.format(GONE)))}
    assert ("BR-CON-02",) in found
    once = f"F1 | retry 201 & retry {GONE} | settle | F1 | F1 [enq]"
    assert {f.any_of for f in _ours(parse(once))} == {("BR-ACC-05", "BR-CON-02")}
    excused = NOTHING.format(UNRESOLVED).replace("[enq]", "[failed]")
    assert _ours(parse(excused)) == []


def _left_out(
    rival: str = f"retry {UNRESOLVED}", *, other: str = "F1", shown: str = " [enq]", late: str = "settle"
) -> str:
    """A race after which the first message of a batch has an attempt more, and the other one is as it was."""
    read = f"C2 {other} | C2 {other}{shown} | {late} | F2 {other} | F2 {other}{shown}"
    return f"F1 {other} [enq] | F1 {other} | retry 201 & {rival} | {read}"


@pytest.mark.parametrize(
    ("rival", "requirement"), [(f"single 1 {NOT_FAILED}", "BR-CON-03"), (f"retry {UNRESOLVED}", "BR-CON-02")]
)
def test_a_winner_that_leaves_a_failed_message_out(rival: str, requirement: str) -> None:
    history = parse(_left_out(rival))
    (found,) = _ours(history)
    assert found.any_of == ("BR-SEL-01", requirement)
    assert explain(history, Switches(codes=False).only(found.axioms)) is None


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(_left_out(shown=" [failed]"), id="partial enqueue"),
        pytest.param(_left_out(shown=""), id="status not seen"),
        pytest.param(_left_out("single 0 201"), id="both won"),
        pytest.param(_left_out(late="wait 1"), id="not settled"),
        pytest.param(_left_out(other="S1"), id="delivered"),
        pytest.param(_left_out(other="F4"), id="spent"),
    ],
)
def test_what_a_winner_may_leave_out(line: str) -> None:
    assert _ours(parse(line)) == []


def test_a_race_with_a_429_does_not_count() -> None:
    line = "F1 | retry 201 & retry 429 | C3<CF"
    assert not _ours(parse(line))
    assert ("BR-CON-01", "dropped") in _doubts(parse(line))


def test_retries_one_after_the_other_are_no_race() -> None:
    assert _ours(parse("F1 | retry 201 | retry 201 | C3<CF")) == []


# -- stories of several batches ---------------------------------------------------------------------------------


def _together(story: Story, count: int = 2) -> Story:
    """Let the last exchanges have been in flight together."""
    last = story.exchanges[-1].last
    for i in range(-count, 0):
        end = msgspec.structs.replace(story.exchanges[i].end, last=last)
        story.exchanges[i] = msgspec.structs.replace(story.exchanges[i], end=end)
    return story


def _raced(story: Story, batch: str, *, ends: bool = True) -> Story:
    story.look(batch).retry(batch).blocked(batch)
    _together(story).look(batch)
    return story.finish(batch).look(batch) if ends else story


def _quiet(*batches: str) -> Story:
    story = Story()
    for batch in batches:
        story.send(batch, "F").look(batch).finish(batch).look(batch)
    return story


def test_three_races_that_end_well_exercise_it() -> None:
    story = _raced(_raced(_raced(_quiet("a", "b"), "a"), "a"), "b")
    assert story.findings() == set()
    assert {"BR-CON-01", "BR-CON-02"} <= story.exercised()
    assert "BR-CON-03" not in story.exercised()


def test_a_batch_against_a_single_retry_exercises_the_third() -> None:
    story = _quiet("a", "b", "c")
    for batch in ("a", "b", "c"):
        story.look(batch).single(f"{batch}.0").blocked(batch)
        _together(story).look(batch).finish(batch).look(batch)
    assert story.findings() == set()
    assert "BR-CON-03" in story.exercised()
    assert "BR-CON-01" not in story.exercised()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("two", "too-few-races"),
        ("underway", "not-settled"),
        ("apart", "too-few-races"),
        ("unread", "not-read-before"),
    ],
)
def test_what_does_not_count(spoil: str, code: str) -> None:
    story = _raced(_raced(_quiet("a", "b"), "a"), "a")
    if spoil == "underway":
        _raced(story, "b", ends=False)
    elif spoil == "apart":
        story.look("b").retry("b").wait(0.06).blocked("b")
        _together(story).look("b").finish("b").look("b")
    elif spoil == "unread":
        story.single("b.0").finish("b").retry("b").blocked("b")
        _together(story).look("b").finish("b").look("b")
    assert story.findings() == set()
    assert ("BR-CON-02", code) in story.doubts()
    assert "BR-CON-02" not in story.exercised()


@pytest.mark.parametrize(
    ("rival", "named"),
    [("batch", {"BR-SEL-05", "BR-CON-02"}), ("single", {"BR-SEL-05", "BR-CON-03"}), ("later", {"BR-SEL-05"})],
)
def test_a_rival_of_unknown_outcome_may_have_taken_the_attempt_back(rival: str, named: set[str]) -> None:
    story = _quiet("a").retry("a")
    if rival == "later":
        story.wait(1)
    story = story.single("a.0", None) if rival == "single" else story.retry("a", None)
    if rival != "later":
        _together(story)
    story.look("a")
    known = story.messages["a.0"]
    known["attempts"].pop()
    known["updated"] = known["attempts"][-1]["createdAt"]
    story.wait(1).look("a").wait(11).look("a").look("a")
    assert [set(names) for names in story.named() if "BR-SEL-05" in names] == [named]


def _stuck(*raced: str, alone: bool = True) -> Story:
    story = _quiet(*raced, "alone")
    for batch in raced:
        _raced(story, batch, ends=False).move(f"{batch}.0", "sending").look(batch)
    if alone:
        story.retry("alone").look("alone").finish("alone").look("alone")
    story.send("z", "F").look("z").finish("z").look("z").wait(11)
    for batch in raced:
        story.look(batch)
    return story


def test_winners_that_get_stuck_in_two_batches() -> None:
    assert "BR-CON-02" in _stuck("a", "b").findings()


def test_a_winner_that_gets_stuck_once_is_a_doubt() -> None:
    assert ("BR-CON-02", "stuck-once") in _stuck("a").doubts()
    assert _stuck("a").findings() == set()


def test_without_a_retry_that_completed_alone_the_race_is_not_to_blame() -> None:
    story = _stuck("a", "b", alone=False)
    assert "BR-CON-02" not in story.findings()
    assert ("BR-CON-02", "stuck-once") in story.doubts()


# -- walks ------------------------------------------------------------------------------------------------------


class Racing(Walk):
    """A walk of a tester who reads, races, reads, and waits: L a listing, B single reads, R a race, O one retry, S settle."""

    def _cell(self) -> None:
        turns: str = self.__dict__.get("turns") or self.rng.choice(["LBRLBSLB", "LBROSLB", "LBRBLSLBL", "LBRRSLB"])
        what, self.__dict__["turns"] = turns[0], turns[1:]
        end = self.now + (0.02 if what != "S" else self.settle + 1)
        self._in_time(self.now + 0.02)
        if what == "R":
            self._at_once()
        elif what == "S":
            self.cells.append((Wait(milliseconds=None),))
            self._in_time(end)
        else:
            self.cells.append((self._listing() if what == "L" else self._read() if what == "B" else self._retry(),))
        self.now = end

    def _at_once(self) -> None:
        first, second = self.rng.sample([self._retry, self._retry, self._single, self._retry], 2)
        parts = [first()]
        self._step(3 * self.rng.randrange(3))
        parts.append(second())
        self.rng.shuffle(parts)
        self.cells.append(tuple(parts))
        self.now += 0.001


@pytest.mark.parametrize("block", range(4))
def test_a_legal_walk_with_races_is_never_accused(block: int) -> None:
    said: set[str] = set()
    for seed in range(block * 60, block * 60 + 60):
        walk = Racing(seed, rows=1 + seed % 3, cells=8 + seed % 24, lag=(0.0, 0.1)[seed % 2])
        opinions = judge(walk.history)
        accused = [(o.any_of, o.argument) for o in opinions if isinstance(o, Finding)]
        broken = [o.text for o in opinions if isinstance(o, Doubt) and o.code in ("suite-error", "axiom-broken")]
        assert (render_line(walk.line), accused, broken) == (render_line(walk.line), [], [])
        said.update(o.code for o in opinions if isinstance(o, Doubt) and o.requirement.startswith("BR-CON"))
    # The walks come to what the judge has to tell apart, and not only to races that it need not look at.
    assert {"answer-lost", "dropped"} <= said


def test_switching_off_what_a_finding_rests_on_leaves_a_doubt() -> None:
    history = parse("F1 | retry 201 & retry 201 | C3<CF")
    assert not [o for o in judge(history, without=frozenset({"A3"})) if isinstance(o, Finding)]
    assert ("BR-CON-01", "axiom-broken") in {
        (o.requirement, o.code) for o in judge(history, without=frozenset({"A3"})) if isinstance(o, Doubt)
    }


def test_the_readings_that_close_a_race_are_shown_with_the_finding() -> None:
    """``Story.opinions`` fails where an argument cites a reading that is no evidence; here each race is read when it has ended."""
    story = Story()
    for batch in ("a", "b", "c"):
        story.send(batch, "F").finish(batch).look(batch).retry(batch).retry(batch, takes=())
        together(story).look(batch).finish(batch).look(batch).wait(11).look(batch)
    assert "BR-CON-01" in story.findings()


def test_an_answer_that_came_is_not_told_as_lost() -> None:
    story = ready("F").look("b").retry("b", 200, takes=("b.0",)).retry("b", 400, "unresolved_batch_messages")
    history = whole(together(story).finish("b").look("b"), races=True)
    retries = [e.n for e in history.exchanges if e.invoke.operation == "batch_retry"]
    raced = tuple(
        msgspec.structs.replace(e, invoke=msgspec.structs.replace(e.invoke, race=1)) if e.n in retries else e
        for e in history.exchanges
    )
    texts = [o.text for o in judge(msgspec.structs.replace(history, exchanges=raced)) if isinstance(o, Doubt)]
    said = f"{retries[0]} was answered 200, which is no documented acceptance"
    assert [t for t in texts if "races count" in t] == [f"0 of 1 races count, 3 are needed; {said}"] * 2


def _two_for_one(*, second: bool = True) -> Story:
    """Two retries at once, both accepted; the message is read by itself while their attempts are underway, and listed later.

    :param second: whether the second retry gives an attempt of its own, too.
    """
    story = ready("F").look("b").retry("b").retry("b", takes=("b.0",) if second else ())
    return done(together(story).read("b.0"))


def test_two_attempts_at_once_show_in_the_view_that_was_read_while_they_were_underway() -> None:
    """The listing counts as many, and was read when both had ended."""
    assert ("BR-CON-01",) in _two_for_one().named()
    assert not any("BR-CON-01" in names for names in _two_for_one(second=False).named())
