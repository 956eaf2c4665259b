"""Waiting: when to look, and when to give up. Every wait has a bound."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from conformance.config import Config
from conformance.contract.vocabulary import IN_PROGRESS, TERMINAL
from conformance.program.batch_state import Held
from conformance.program.calls import NothingStuckError, UnmetError
from conformance.program.pace import ENDS, GROWTH, HELD_BACK, LONGEST_OF_WAITED, Pace
from conformance.program.patience import Enough, Lack, Patience
from conformance.program.reading import Reader
from conformance.program.scheduler import Pause
from conformance.program.steps import OF_NO_BATCH, Wait
from conformance.transport.request import Transport

#: A wait takes at most so many settle times, whatever a target shows meanwhile.
MOST_SETTLES = 2.0
#: After so many looks at a listing that show no effect of a retry, a message is read by itself.
ASIDE = 8


class Waiter:
    """Waits of one program.

    :param transport: tells the time, and takes notes; :param reader: looks.
    :param config: how long to wait; :param pace: when to look first; :param patience: what is not waited for any more.
    :param scenario: for notes.
    """

    def __init__(
        self, transport: Transport, reader: Reader, config: Config, pace: Pace, patience: Patience, scenario: str
    ) -> None:
        self._transport = transport
        self._reader = reader
        self._settle = config.timing.settle_timeout
        self._pace = pace
        self._patience = patience
        self._scenario = scenario

    def wait(self, step: Wait, held: Held | None) -> Iterator[Pause]:
        """Look until the condition holds. ``held`` is None where no batch is waited for (``OF_NO_BATCH``).

        :raises UnmetError: an essential condition did not come to hold in time.
        :raises NothingStuckError: the program is for what is stuck, and no wait of the run was in vain.
        """
        now = self._transport.now
        if held is None:
            rank = OF_NO_BATCH.index(step.until) + 1
            yield Pause(until=now(), what="the other scenarios", since=now(), deadline=now(), for_others=rank)
            if step.until == "stuck" and not self._patience.in_vain:
                raise NothingStuckError
            return
        try:
            yield from self._hold_back(step, held)
            yield from self._wait(step, held)
        finally:
            self._pace.release(self)

    def _hold_back(self, step: Wait, held: Held) -> Iterator[Pause]:
        """As long as nobody knows how long deliveries take, one wait finds out for all."""
        now = self._transport.now
        if step.until not in ENDS:
            return
        begun = now()
        until = begun + HELD_BACK * self._settle
        pause = self._pauses(step)[0]
        while not self._pace.scouts(self) and now() < until:
            yield Pause(until=min(now() + pause, until), what=self._what(step, held), since=begun, deadline=until)

    def _wait(self, step: Wait, held: Held) -> Iterator[Pause]:
        now = self._transport.now
        begun = now()
        bound = step.seconds if step.seconds is not None else self._settle
        # What is not essential has its time from the last retry on, so that a target that never gets there is not
        # waited for again and again; but views have theirs from when one showed the messages terminal (BR-IDS-07).
        apart = held.ahead if held.ahead >= held.stirred else begun
        deadline = (begun if step.essential else apart if step.until == "agreed" else held.touched) + bound
        last = begun + max(MOST_SETTLES * self._settle, bound)
        planned = self._first(step, held, begun, deadline)
        if planned > begun and (enough := (yield from self._rest(step, held, begun, planned, deadline))):
            return self._end(step, held, enough)
        pause, longest = self._pauses(step)
        # Only a look in time says how long it takes: other waits may have come between.
        begun_timely = timely = now() - planned < pause
        looks, missed, effect, ended = 0, 0.0, False, False
        while True:
            looks, calls = looks + 1, self._reader.calls
            if self._look(step, held):
                if step.until == "retried" and not held.single and not self._came(held):
                    # What the retry was to pick up did not come; its time is over.
                    self._patience.waited_out(self._untaken(held), held.id, begun, now())
                elif begun_timely and (looks > 1 or planned > begun):
                    self._pace.learn(step.until, now() - held.stirred, looks=looks, missed=missed, timely=timely)
                return self._consume(step, held)
            if step.until == "retried" and held.places and held.ahead < held.stirred and looks % ASIDE == 0:
                # Where only the listing stays behind, its time (BR-IDS-07) begins here, and not when this wait is over.
                held.ahead = now() if self._reader.ahead(held) else held.ahead
            self._patience.polled(self._reader.calls - calls)
            missed = now() - held.stirred
            if step.seconds is None and step.until in ("quiet", "retried"):
                if step.until == "retried" and held.taken and not effect and not held.terminal:
                    # From here on the messages have their time.
                    effect, deadline = True, min(last, max(deadline, now() + self._settle))
                if held.terminal and held.taken and not ended:
                    # From here on the status of the batch has its time (BR-ACC-06); a last look behind it tells.
                    ended, deadline = True, min(last, max(deadline, now() + self._settle))
            if now() >= deadline:
                break
            enough = self._patience.no_more_polls() if step.seconds is None else None
            if enough is None:
                again = min(now() + pause, deadline)
                enough = yield from self._rest(step, held, begun, again, deadline)
                timely = now() - again < pause
            if enough is not None:
                return self._end(step, held, enough)
            pause = min(pause * GROWTH, max(longest, LONGEST_OF_WAITED * (now() - begun)))
        if step.seconds is None:
            self._patience.waited_out(self._lacks(step, held), held.id, begun, now())
        self._consume(step, held)
        self._give_up(step, held, bound)

    def _rest(
        self, step: Wait, held: Held, begun: float, until: float, deadline: float
    ) -> Generator[Pause, None, Enough | None]:
        """Wait until then, without a look. Returns why the wait as a whole ends before that, if it does."""
        now = self._transport.now
        overdue = self._pace.overdue(step.until, begun if step.until == "agreed" else held.stirred)
        if step.until == "retried" and held.doubted:
            # Nothing is expected of it: that its time passes is all that the wait is for.
            overdue = begun
        nap = self._pauses(step)[1]
        while (at := now()) < until:
            wake = until if step.seconds is not None else min(until, max(overdue, at + nap))
            if step.seconds is None and at >= overdue:
                if (enough := self._patience.enough(self._lacks(step, held), at, deadline)) is not None:
                    return enough
                self._patience.charge(at, wake)
            urgent = step.until in ("moved", "handed", "left")
            what = self._what(step, held)
            yield Pause(until=wake, what=what, since=begun, deadline=deadline, urgent=urgent)
        return None

    def _lacks(self, step: Wait, held: Held) -> Lack:
        """Return what the last look did not show yet."""
        if held.single:
            return "terminal"
        if not held.listed:
            return "listed"
        if step.until in ("taken", "retried") and not self._settled(held):
            return self._untaken(held)
        if not held.terminal:
            return "terminal"
        return "agreed" if step.until == "agreed" else "status"

    def _untaken(self, held: Held) -> Lack:
        if held.doubted:
            return "outcome"
        return "raced" if held.partly else "taken"

    def _end(self, step: Wait, held: Held, enough: Enough) -> None:
        """End a wait before its time.

        :raises UnmetError: what was waited for is essential.
        """
        self._consume(step, held)
        text = f"batch {step.batch} was not waited for to be {step.until}: {enough.text}"
        self._transport.note("not_waited", scenario=self._scenario, text=text)
        if step.essential:
            raise UnmetError("not-waited-for", text, enough.needs)

    def _what(self, step: Wait, held: Held) -> str:
        return f"{self._scenario}: {len(held.rows)} messages of {step.batch} to be {step.until}"

    def _consume(self, step: Wait, held: Held) -> None:
        """What the last retry picks up has been waited for."""
        if step.until in ("taken", "retried"):
            held.before, held.doubted = None, False

    def _first(self, step: Wait, held: Held, begun: float, deadline: float) -> float:
        if step.until == "left":
            # A burst has just shown it; the next look that tells more is a while later, and only the last one tells all.
            stays = step.seconds is not None and self._pace.first("moved", 0.0) > step.seconds
            return deadline if stays else min(begun + self._pauses(step)[0], deadline)
        if step.until == "retried" and held.doubted:
            return max(begun, min(held.touched + self._settle, deadline))
        if not held.read and step.until not in ("quiet", "terminal", "ended"):
            return begun
        return max(begun, min(self._pace.first(step.until, held.stirred), deadline))

    def _pauses(self, step: Wait) -> tuple[float, float]:
        if step.until == "left" and step.seconds is not None:
            return step.seconds / 3, step.seconds
        return self._pace.pauses(step.until, self._settle)

    def _look(self, step: Wait, held: Held) -> bool:
        if step.until != "retried" or held.single:
            return self._reader.holds(step, held)
        ended = self._reader.holds(Wait(batch=step.batch, until="terminal"), held)
        return ended and self._settled(held) and self._reader.status_quiet(held)

    def _settled(self, held: Held) -> bool:
        """True if what the last retry picks up shows, or its time is over."""
        return self._came(held) or self._transport.now() >= held.touched + self._settle

    def _came(self, held: Held) -> bool:
        """True if what the last retry picks up shows, and nothing more of it is to be expected."""
        return held.taken and not held.doubted

    def _give_up(self, step: Wait, held: Held, bound: float) -> None:
        text = f"scenario {self._scenario}: batch {step.batch} was not {step.until} within {bound:g} s"
        text += self._last_shown(step, held)
        if step.until != "left":
            self._transport.note("waited_out", scenario=self._scenario, text=text)
        if step.essential and held.blind:
            text += ", and the last look at it got no answer"
            raise UnmetError("answer-lost", text, ("a target and a network that answer",))
        if step.essential:
            raise UnmetError("waited-out", text, ("a longer timing.settle_timeout", "a target that delivers"))

    def _last_shown(self, step: Wait, held: Held) -> str:
        """What the last look showed instead, in words of ours: a status that no document names is not repeated."""
        lack = "" if held.blind or held.single else self._lacks(step, held)
        if lack == "listed":
            return f": its last listing shows {len(held.places)} of {len(held.rows)} rows"
        if lack != "terminal":
            return ""
        waiting = [status for status, _ in held.seen.values() if status not in TERMINAL]
        named = sorted({s if s in IN_PROGRESS else "a status that no document names" for s in waiting})
        return f": {len(waiting)} of {len(held.seen)} messages are in {' or '.join(named)}"
