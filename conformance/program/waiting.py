"""Waiting: when to look, and when to give up. Every wait has a bound."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.config import Config
from conformance.program.calls import UnmetError
from conformance.program.held import Held
from conformance.program.pace import ENDS, GROWTH, HELD_BACK, Pace
from conformance.program.reading import Reader
from conformance.program.scheduler import Pause
from conformance.program.steps import Wait
from conformance.transport.request import Transport

#: A wait takes at most so many settle times, whatever a target shows meanwhile.
MOST_SETTLES = 2.0


class Waiter:
    """Waits of one program.

    :param transport: tells the time, and takes notes; :param reader: looks.
    :param config: how long to wait; :param pace: when to look first; :param scenario: for notes.
    """

    def __init__(self, transport: Transport, reader: Reader, config: Config, pace: Pace, scenario: str) -> None:
        self._transport = transport
        self._reader = reader
        self._settle = config.timing.settle_timeout
        self._pace = pace
        self._scenario = scenario

    def wait(self, step: Wait, held: Held | None) -> Iterator[Pause]:
        """Look until the condition holds. ``held`` is None where no batch is waited for (``others``).

        :raises UnmetError: an essential condition did not come to hold in time.
        """
        now = self._transport.now
        if held is None:
            yield Pause(until=now(), what="the other scenarios", deadline=now(), for_others=True)
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
        until = now() + HELD_BACK * self._settle
        pause = self._pauses(step)[0]
        while not self._pace.scouts(self) and now() < until:
            yield Pause(until=min(now() + pause, until), what=self._what(step, held), deadline=until)

    def _wait(self, step: Wait, held: Held) -> Iterator[Pause]:
        now = self._transport.now
        begun = now()
        bound = step.seconds if step.seconds is not None else self._settle
        # What is not essential has its time from the last retry on, so that a target that never gets there is not
        # waited for again and again; but views have theirs from when one showed the messages terminal (BR-IDS-07).
        deadline = (begun if step.essential or step.until == "agreed" else held.touched) + bound
        last = begun + max(MOST_SETTLES * self._settle, bound)
        planned = self._first(step, held, begun, deadline)
        if planned > begun:
            yield Pause(until=planned, what=self._what(step, held), deadline=deadline)
        pause, longest = self._pauses(step)
        # Only what was waited for in time says how long it takes: other waits may have come between.
        timely = now() - planned < pause
        looks, effect, ended = 0, False, False
        while True:
            looks += 1
            if self._look(step, held):
                if timely and (looks > 1 or planned > begun):
                    self._pace.learn(step.until, now() - held.stirred, looks=looks)
                self._consume(step, held)
                return
            if step.seconds is None and step.until in ("quiet", "retried"):
                if step.until == "retried" and held.taken and not effect and not held.terminal:
                    # From here on the messages have their time.
                    effect, deadline = True, min(last, max(deadline, now() + self._settle))
                if held.terminal and held.taken and not ended:
                    # From here on the status of the batch has its time (BR-ACC-06); a last look behind it tells.
                    ended, deadline = True, min(last, max(deadline, now() + self._settle))
            if now() >= deadline:
                break
            again = min(now() + pause, deadline)
            yield Pause(
                until=again, what=self._what(step, held), deadline=deadline, urgent=step.until in ("moved", "left")
            )
            pause = min(pause * GROWTH, longest)
        self._consume(step, held)
        self._give_up(step, held, bound)

    def _what(self, step: Wait, held: Held) -> str:
        return f"{self._scenario}: {len(held.rows)} messages of {step.batch} to be {step.until}"

    def _consume(self, step: Wait, held: Held) -> None:
        """What the last retry picks up has been waited for."""
        if step.until in ("taken", "retried"):
            held.before, held.doubted = None, False

    def _first(self, step: Wait, held: Held, begun: float, deadline: float) -> float:
        if step.until == "left":
            # A burst has just shown it; the next look that tells more is a while later.
            return min(begun + self._pauses(step)[0], deadline)
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
        if self._transport.now() >= held.touched + self._settle:
            return True
        return held.taken and not held.doubted

    def _give_up(self, step: Wait, held: Held, bound: float) -> None:
        text = f"scenario {self._scenario}: batch {step.batch} was not {step.until} within {bound:g} s"
        if step.until != "left":
            self._transport.note("waited_out", scenario=self._scenario, text=text)
        if step.essential and held.blind:
            text += ", and the last look at it got no answer"
            raise UnmetError("answer-lost", text, ("a target and a network that answer",))
        if step.essential:
            raise UnmetError("waited-out", text, ("a longer timing.settle_timeout", "a target that delivers"))
