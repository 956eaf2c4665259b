"""The search: draw, run side by side, shrink what was found, and run the smallest again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.drivers.drive import Begun, Drive
from conformance.exploring import corpus
from conformance.exploring.programs import generate, key_of, size_of
from conformance.exploring.reducing import WIDTH, reductions
from conformance.exploring.running import CONTROL, Group, Ran, Runner, Share, Spent, named
from conformance.exploring.scope import PART, Scope, loopback
from conformance.exploring.shrinking import Memo, shrink
from conformance.program.steps import Program

#: Rounds of smaller programs that are tried side by side, at most.
ROUNDS = 10
#: Programs that a finding gives rise to begin with this; reports show them before others.
FOUND = "found-"
#: The batch that is left alone while what was drawn is run, and read once more at the end.
WATCHED = "machine-control"
#: Whether steps that are carried out together are drawn too.
RACES = True
NOTHING = Begun()


def share_of(run: Drive, scope: Scope, before: Spent) -> Share:
    """What may be spent on exploring: its part of what others leave, and no more than the scope says."""
    limits, now = run.config.limits, run.transport.now()
    return Share(
        calls=min(int(max(0, limits.max_calls - before.calls) * PART), scope.calls),
        messages=min(int(max(0, limits.max_messages - before.messages) * PART), scope.messages),
        until=now + (limits.max_seconds - now) * PART,
    )


class Engine:
    """One search.

    :param run: the run; :param scope: how far it goes; :param before: what other drivers are likely to take.
    :param races: whether steps at once are drawn.
    :param known: programs to run first; None is the corpus.
    """

    def __init__(
        self,
        run: Drive,
        scope: Scope,
        before: Begun = NOTHING,
        *,
        races: bool = RACES,
        known: Sequence[Program] | None = None,
    ) -> None:
        self.run = run
        self.scope = scope
        self.races = races
        budget = run.transport.budget
        spent = Spent(calls=budget.calls + before.calls, messages=budget.messages + before.messages)
        self.runner = Runner(run, share_of(run, scope, spent), spent)
        self.memo = Memo()
        self._corpus = known
        self.shrinks = 0
        #: What the first round is to run, by name.
        self._of: Mapping[str, Program] = {}
        #: Programs that were run again already, by key.
        self._repeated: set[str] = set()

    def explore(self) -> list[Ran]:
        """Run the corpus and what the seed draws, with nothing else beside it."""
        group = self.begin()
        self.run.side_by_side(group.running, part="exploring")
        return self.learn(group)

    def begin(self) -> Group:
        """Choose the corpus and what the seed draws. Everything is drawn before anything is sent."""
        drawn = generate(self.run.config, seed=self.run.seed, count=self.scope.programs, races=self.races)
        programs = {f"corpus-{corpus.name_of(program)}": program for program in self._known()}
        programs |= {f"machine-{number:03}": program for number, program in enumerate(drawn, 1)}
        self._of = {WATCHED: CONTROL, **programs}
        return self.runner.group({name: named(name, program) for name, program in programs.items()}, control=WATCHED)

    def learn(self, group: Group, *, search: bool = True) -> list[Ran]:
        """Judge each program of the group, which has ended, and put on record how many were run.

        :param search: False where all that is on record proves nothing: then nothing is looked for in its parts.
        """
        ran = self.runner.judged(group) if search else self.runner.unjudged(group)
        for one in ran:
            self.memo.learn(one)
        cut = sum(not one.whole for one in ran)
        text = f"{len(ran)} of {len(self._of)} programs were run" + (f", {cut} of them cut short" if cut else "")
        limit = self.runner.limit(self._of)
        about = {"limit": limit} if limit and len(ran) < len(self._of) else {}
        self.run.transport.note("explored", text=text, ran=len(ran), of=len(self._of), **about)
        return ran

    def pursue(self, ran: Sequence[Ran]) -> bool:
        """Shrink what was found, the smallest first, and run the smallest program of each kind again; whether there was any."""
        until = self.run.transport.now() + self.scope.seconds
        for kind in kinds_in(ran)[: self.scope.kinds]:
            smallest = self.memo.smallest(kind)
            if smallest is None or key_of(smallest) in self._repeated:
                # What was made for another kind shows this one too.
                continue
            if self.run.depth == "deep" or loopback(self.run.config.target.base_url):
                self.reduced(kind, smallest, until)
                smallest = self.shrunk(kind, until) or smallest
            if key_of(smallest) not in self._repeated:
                self._repeat(kind, smallest, ran)
        if not self.shrinks and not self._repeated:
            return False
        for control in (one for one in ran if one.name == WATCHED):
            self.runner.look_again(control)
        return True

    def shrunk(self, kind: str, until: float) -> Program | None:
        """The smallest program that can be found until then to show this kind."""
        bound = self._until(until)

        def execute(program: Program) -> Ran | None:
            self.shrinks += 1
            name = f"machine-shrink-{self.shrinks:03}"
            if self.runner.over(bound):
                return None
            ran = self.runner.side_by_side({name: named(name, program)}, bound)
            return ran[0] if ran and (ran[0].whole or ran[0].findings) else None

        count = self.scope.programs
        return shrink(kind, self.memo, execute, self.run.config, seed=self.run.seed, count=count, races=self.races)

    def reduced(self, kind: str, program: Program, until: float) -> Program:
        """The smallest program that comes of leaving things out of this one, many ways at a time, until then.

        Hypothesis tries one program after the other, each for the time of its deliveries. This waits once for many, and
        leaves to hypothesis what is smaller in another way.
        """
        bound = self._until(until)
        for _ in range(ROUNDS):
            fresh = [smaller for smaller in reductions(program) if key_of(smaller) not in self.memo.shown][:WIDTH]
            tried = {}
            for smaller in fresh:
                self.shrinks += 1
                name = f"machine-shrink-{self.shrinks:03}"
                tried[name] = named(name, smaller)
            for one in self.runner.side_by_side(tried, bound):
                self.memo.learn(one)
            best = self.memo.smallest(kind)
            if not fresh or best is None or self.runner.over(bound):
                break
            if size_of(best) >= size_of(program) and len(fresh) < WIDTH:
                break
            program = min(best, program, key=size_of)
        return min(self.memo.smallest(kind) or program, program, key=size_of)

    def _until(self, until: float) -> Share:
        """Half of what is left: the smallest program is to be run again afterwards."""
        share, spent = self.runner.share, self.runner.spent
        return Share(
            calls=(spent.calls + share.calls) // 2,
            messages=(spent.messages + share.messages) // 2,
            until=min(share.until, until),
        )

    def _repeat(self, kind: str, program: Program, ran: Sequence[Ran]) -> None:
        """Run a program again, side by side with itself, and put on record how often it shows what it showed."""
        self._repeated.add(key_of(program))
        before = [one for one in ran if kind in one.findings]
        name = f"{FOUND}{before[0].findings[kind].fingerprint}"
        program = named(name, program)
        corpus.keep(self.run.folder, program)
        names = [name, *(f"{name}-{turn}" for turn in range(2, self.scope.again + 1))]
        control = f"{WATCHED}-{len(self._repeated)}"
        again = self.runner.side_by_side(dict.fromkeys(names, program), control=control)
        again = [one for one in again if one.name != control]
        if not again:
            return
        for shown in sorted(self.memo.shown[key_of(program)]):
            times = sum(shown in one.findings for one in again)
            self.run.transport.note(
                "found",
                scenario=name,
                text=f"shown again by {times} of {len(again)} runs of the smallest program",
                finding=shown,
                shown=times,
                of=len(again),
            )

    def _known(self) -> tuple[Program, ...]:
        """The corpus: what was found into this report folder before, then what comes with the suite."""
        if self._corpus is not None:
            return corpus.fitting(self._corpus, self.run.config)
        before, unreadable = corpus.found_before(self.run.folder)
        if unreadable:
            self.run.transport.note("explored", text=f"{len(unreadable)} files of the corpus are no programs")
        return corpus.fitting((*before, *corpus.shipped()), self.run.config)


def kinds_in(ran: Sequence[Ran]) -> list[str]:
    """The kinds of findings, those that the smallest programs show first."""
    smallest: dict[str, tuple[int, int, str]] = {}
    for one in ran:
        for kind in one.findings:
            size = size_of(one.program)
            smallest[kind] = min(smallest.get(kind, size), size)
    return sorted(smallest, key=lambda kind: (smallest[kind], kind))
