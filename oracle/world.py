"""The contract as a small nondeterministic model: the state of one batch, and every step that a legal target may take.

The target moves by itself (``moves``) and decides requests (``retry``, ``single``, ``outcomes``). Wherever the documents
leave room, every reading is a step (the rule of rulings). What the model does not tell apart: why a message fails,
pages, other batches, and the codes of refusals but where ``Switches.codes`` and BR-SEL-04 and -06 ask for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from conformance.contract.vocabulary import NO_FAILED_CODE, NOT_RETRYABLE_CODE, TOO_MANY_CODE, UNRESOLVED_CODE

#: A message that is not made yet, while the send is processed: no listing shows it.
UNMADE = "-"
#: Letters of the notation, in the order of an attempt; S and F end it.
_STAGES = "CEDNT"
_ENDED = "SF"
RANK = {letter: rank for rank, letter in enumerate(_STAGES)} | dict.fromkeys(_ENDED, len(_STAGES)) | {UNMADE: -1}

#: ``single`` is busy as well, by a single retry that has it processed late.
BatchStatus = Literal["busy", "enq", "failed", "single"]
_BATCH: tuple[BatchStatus, ...] = ("busy", "enq", "failed")


@dataclass(frozen=True, kw_only=True)
class Switches:
    """Which axioms hold (docs/design.md), and which freedoms the rulings leave. A switched-off axiom is a freedom."""

    #: A1. Within one attempt a message only moves forward; off: anywhere (from a terminal status if A2 is off too).
    forward: bool = True
    #: A2a. A failure stays until a retry; off: late corrections (ruling 18), or back where A1 is off too.
    failure_stays: bool = True
    #: A2b. A success stays until a retry; off as above.
    success_stays: bool = True
    #: A3. One message in one answer is one instant, batch status included; off: each field is one of its own.
    instant: bool = True
    #: A4. Attempts are counted up by one at the reset; off: counts say nothing.
    counted: bool = True
    #: A5. updatedAt changes with every change of status; off: it says nothing.
    stamped: bool = True
    #: A6. Nobody else writes to the batch; off: a failed message may be reset, and the status change, at any time.
    alone: bool = True
    #: A7. Reads lag by at most the history's bound; off: by any time.
    timely: bool = True
    #: The freedom beside A3: a page is several instants; off: it is one.
    torn_pages: bool = True
    #: Ruling 3: how often a message may be retried; a target keeps to one of these.
    limits: tuple[int, ...] = (2, 3)
    #: Ruling 4: with messages underway, none created, 400 is as good as 201; off: 201 has to come.
    underway_blocks: bool = True
    #: Ruling 5: an accepted retry may leave the batch processing; off: it is retryable at once.
    processing: bool = True
    #: Ruling 16: an accepted retry takes effect within the settling time; off: at once.
    delayed: bool = True
    #: Ruling 17: an accepted retry may leave messages out if the batch then shows so; off: it takes up every one.
    partial: bool = True
    #: Ruling 21: whom a retry picks up may be decided at any instant until its effect; off: at its decision.
    selects_late: bool = True
    #: Ruling 24: an accepted single retry may change the batch's status, or have it processed late; off: it leaves it.
    single_touches: bool = True
    #: BR-ERR-01 and -02: a refusal's code names one of its reasons; off: it is any.
    codes: bool = True

    def without(self, *axioms: str) -> Switches:
        """These switches, with the named axioms off."""
        off = {field for axiom in axioms for field in AXIOMS.get(axiom, ())}
        return replace(self, **_off(off))

    def only(self, axioms: tuple[str, ...]) -> Switches:
        """These switches, with every axiom off that is not named."""
        named = {field for axiom in axioms for field in AXIOMS.get(axiom, ())}
        off = {field for fields in AXIOMS.values() for field in fields} - named
        return replace(self, **_off(off))


def _off(fields: set[str]) -> dict[str, Any]:
    return dict.fromkeys(fields, False)


#: The switches of each axiom; others (A8, A9, A10) are about what the model does not know.
AXIOMS: dict[str, tuple[str, ...]] = {
    "A1": ("forward",),
    "A2": ("failure_stays", "success_stays"),
    "A2a": ("failure_stays",),
    "A2b": ("success_stays",),
    "A3": ("instant",),
    "A4": ("counted",),
    "A5": ("stamped",),
    "A6": ("alone",),
    "A7": ("timely",),
}


class Message(NamedTuple):
    """One message. ``visit`` counts its changes of status, where stamps are looked at (A5)."""

    status: str
    attempt: int = 1
    visit: int = 0

    @property
    def ended(self) -> bool:
        return self.status in _ENDED


class Due(NamedTuple):
    """An attempt that an accepted retry owes a message; it begins by ``until`` or is left out (rulings 16, 17).

    Where it is not a ``must``, the message had not failed when the retry was decided: it may be picked up if it fails
    until then (ruling 21).
    """

    write: int
    message: int
    until: float
    must: bool = True


class World(NamedTuple):
    """The state of one batch."""

    messages: tuple[Message, ...]
    batch: BatchStatus
    limit: int
    due: tuple[Due, ...] = ()
    #: An accepted retry left a message out; the batch shows so until the next accepted one.
    left: bool = False
    #: A refused retry put it to ``failed``: once it is calm it is retryable, until the next accepted one (BR-ACC-03).
    refused: bool = False
    #: For each accepted single retry by when it may still have the batch processed (rulings 16 and 24), in order.
    late: tuple[float, ...] = ()

    @property
    def calm(self) -> bool:
        """Nothing underway and nothing owed: a batch that is still processed must come to an end."""
        return not any(due.must for due in self.due) and all(m.ended for m in self.messages)

    def at(self, now: float) -> World:
        """The world without what may not come any more."""
        due, late = tuple(d for d in self.due if d.until > now), tuple(until for until in self.late if until > now)
        return self if (due, late) == (self.due, self.late) else self._replace(due=due, late=late)

    def spent(self, i: int) -> bool:
        """Whether no more retry of the message may begin, those that are owed included."""
        owed = sum(due.message == i and due.must for due in self.due)
        return self.messages[i].attempt - 1 + owed >= self.limit

    @property
    def busy(self) -> bool:
        """Whether the batch is processed, and shown so."""
        return self.batch in ("busy", "single")

    @property
    def shown(self) -> BatchStatus:
        """The status that reads show."""
        return "busy" if self.busy else self.batch

    @property
    def processed(self) -> bool:
        """Whether a retry may be refused because the batch is processed."""
        return self.busy and not (self.refused and self.calm)

    def put(self, i: int, status: str, *, reset: bool = False) -> World:
        """The world with that message in another status, in a new attempt if ``reset``."""
        old = self.messages[i]
        new = Message(status, old.attempt + reset, old.visit + 1)
        return self._replace(messages=(*self.messages[:i], new, *self.messages[i + 1 :]))


class Step(NamedTuple):
    """What a target does in one step, for people, and the state after it."""

    text: str
    world: World


class Outcome(NamedTuple):
    """How a request may be decided: accepted or refused, and the state after it."""

    accepted: bool
    #: Codes that a refusal may name; None is any.
    codes: frozenset[str] | None
    world: World


def starts(rows: int, switches: Switches, *, made: bool) -> Iterator[World]:
    """The states of a batch of so many rows when its send is asked for, one for each limit.

    :param made: the messages are made at once; false: one by one, while the batch is processed.
    """
    letter = "C" if made else UNMADE
    statuses: tuple[BatchStatus, ...] = ("enq", "busy") if made else ("busy",)
    for limit in switches.limits:
        for status in statuses:
            yield World((Message(letter),) * rows, status, limit)


def moves(world: World, switches: Switches, wanted: tuple[frozenset[str], ...] | None = None) -> Iterator[Step]:
    """Every step that the target may take by itself.

    :param wanted: for each message the letters that somebody may still look for; others are left out, as they make
        no difference to anybody. None: all.
    """
    for i, message in enumerate(world.messages):
        letters = frozenset(RANK) if wanted is None else wanted[i]
        for letter in sorted(letters, key=lambda one: (RANK[one], one)):
            if _may_move(message.status, letter, switches):
                yield Step(f"message {i} moves to {letter}", world.put(i, letter))
    yield from _owed(world, switches)
    # A batch that a refusal has put into messages_enqueuing_failed has to be retryable once it rests (BR-ACC-03).
    if world.late and not world.busy and not (world.refused and all(m.ended for m in world.messages)):
        after = world._replace(batch="single", left=False, late=world.late[1:])
        yield Step("the batch is busy with a single retry", after)
    for status in _statuses(world, switches):
        yield Step(f"the batch is {status}", world._replace(batch=status, left=world.left and status == "failed"))
    if not switches.alone:
        for i, message in enumerate(world.messages):
            if message.status == "F" and not world.spent(i):
                yield Step(f"somebody else retries message {i}", world.put(i, "C", reset=True))


def _may_move(now: str, then: str, switches: Switches) -> bool:
    if now == then or then == UNMADE:
        return False
    if now == UNMADE:
        return then == "C"
    if (now == "F" and switches.failure_stays) or (now == "S" and switches.success_stays):
        return False
    if now in _ENDED and then in _ENDED:
        return True
    return RANK[then] > RANK[now] or not switches.forward


def _owed(world: World, switches: Switches) -> Iterator[Step]:
    for due in world.due:
        rest = tuple(other for other in world.due if other != due)
        status = world.messages[due.message].status
        if status == "F" and (due.must or not world.spent(due.message)):
            after = world.put(due.message, "C", reset=True)._replace(due=rest)
            yield Step(f"retry {due.write} resets message {due.message}", after)
        if not due.must:
            continue
        if status == "S":
            # Corrected meanwhile (ruling 18): there is nothing to retry.
            yield Step(f"retry {due.write} finds message {due.message} delivered", world._replace(due=rest))
        if switches.partial:
            # It shows so, whatever an earlier single retry still has to do.
            after = world._replace(due=rest, batch="failed", left=True, late=())
            yield Step(f"retry {due.write} leaves message {due.message} out", after)


def _statuses(world: World, switches: Switches) -> Iterator[BatchStatus]:
    """Statuses that the batch may take by itself.

    Processing comes to an end, well or not; that of a single retry well, for its attempt is there. An accepted retry may
    begin to be processed as long as something of it is owed. ``failed`` stays, or comes back, while a ``created`` message
    may be what blocked a retry (BR-BLK-02), and while a message is left out (BR-SEL-01).
    """
    if not switches.alone:
        yield from (status for status in _BATCH if status != world.batch)
        return
    created = any(m.status == "C" for m in world.messages)
    if world.busy and all(m.status != UNMADE for m in world.messages):
        back = world.refused and created
        if not back:
            yield "enq"
        if back or world.batch == "busy":
            yield "failed"
    if world.batch == "failed" and not created and not world.left:
        yield "enq"
    settled = world.batch == "busy" or world.left or (world.batch == "failed" and created)
    if any(due.must for due in world.due) and switches.processing and not settled:
        yield "busy"


def retry(world: World, switches: Switches, *, write: int, until: float) -> Iterator[Outcome]:
    """Every legal way to decide a valid batch retry.

    :param write: the number by which its effects are known.
    :param until: when they must have come, seconds.
    """
    statuses = [m.status for m in world.messages]
    able = [i for i, status in enumerate(statuses) if status == "F" and not world.spent(i)]
    if not world.processed and "C" not in statuses and UNMADE not in statuses and able:
        yield from _accepted(world, able, switches, write=write, until=until)
    yield from _refused(world, able, switches)


def _accepted(world: World, able: list[int], switches: Switches, *, write: int, until: float) -> Iterator[Outcome]:
    owed = [*world.due, *(Due(write, i, until) for i in able)]
    if switches.selects_late and switches.delayed:
        flying = [i for i, m in enumerate(world.messages) if not m.ended and not world.spent(i)]
        owed += [Due(write, i, until, False) for i in flying]
    after = world._replace(left=False, refused=False, due=tuple(sorted(owed)))
    if not switches.delayed:
        for i in able:
            after = after.put(i, "C", reset=True)
        after = after._replace(due=world.due)
    statuses: set[BatchStatus] = {world.batch, "enq"} | ({"busy"} if switches.processing else set())
    for status in sorted(statuses):
        yield Outcome(True, None, after._replace(batch=status))


def _refused(world: World, able: list[int], switches: Switches) -> Iterator[Outcome]:
    """Refusals, each with the codes of the reasons that there are (ruling 13), and what they leave behind."""
    created = any(m.status == "C" for m in world.messages)
    underway = any(not m.ended for m in world.messages)
    codes: set[str] = set()
    if world.processed and world.batch == "single":
        # Nobody may see it: the refusal has to say so, and is for nothing else then.
        yield Outcome(False, frozenset({NOT_RETRYABLE_CODE}), world)
    elif world.processed:
        codes.add(NOT_RETRYABLE_CODE)
    if created or (underway and (switches.underway_blocks or not able)):
        codes.add(UNRESOLVED_CODE)
    if any(due.must for due in world.due):
        codes.update((NOT_RETRYABLE_CODE, UNRESOLVED_CODE))
    if not able:
        codes.add(NO_FAILED_CODE)
    if not codes:
        return
    named = frozenset(codes) if switches.codes or codes == {NO_FAILED_CODE} else None
    failed = world._replace(batch="failed", refused=True)
    if not (created and world.batch != "busy"):
        yield Outcome(False, named, world)
    if created or (underway and world.batch != "busy"):
        yield Outcome(False, named, failed)


def single(world: World, message: int, switches: Switches, *, until: float) -> Iterator[Outcome]:
    """Every legal way to decide a valid single retry. When it has to be accepted is not this contract's matter.

    :param until: when what it does to the batch's status must have come, seconds.
    """
    able = world.messages[message].status == "F"
    spent = world.spent(message)
    if able and not spent:
        after = world.put(message, "C", reset=True)._replace(refused=False)
        late = tuple(sorted((*world.late, until))) if switches.single_touches and switches.delayed else ()
        yield Outcome(True, None, after._replace(late=late))
        if switches.single_touches:
            for status in _BATCH[:2]:
                yield Outcome(True, None, after._replace(batch=status, left=False))
    yield Outcome(False, None if spent else frozenset(), world)


def code_passes(outcome: Outcome, code: str | None, *, alone: bool) -> bool:
    """Whether a refusal with that code may be this outcome. ``alone``: of a single retry, where every code but
    ``too_many_message_attempts_error`` (BR-SEL-04) is free.
    """
    if outcome.codes is None:
        return True
    return code != TOO_MANY_CODE if alone else code in outcome.codes
