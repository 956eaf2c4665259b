"""What a person sees on a terminal, or in the log of a CI job. Everything passes the redactor."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from conformance.catalogue import Catalogue
from conformance.errors import SuiteError
from conformance.exit_status import meaning
from conformance.program.scheduler import Progress
from conformance.report.alike import alike, reason_of
from conformance.report.cause_lines import one_line_each, screen_lines, why_of
from conformance.report.clean import harmless as inert
from conformance.report.ids import short
from conformance.report.model import Report, ReportedRequirement
from conformance.report.story import story
from conformance.report.verdict_line import scope_line, verdict_line
from conformance.signals import Stop
from conformance.transport.redact import Redactor
from conformance.verdicts import ORDER

#: Columns, where the output is no terminal.
WIDTH = 120
#: Seconds between two lines of progress, where the output is no terminal.
EVERY = 10.0
#: Seconds between two changes of the line of progress on a terminal.
OFTEN = 0.1
STYLES = {
    "error": "bold magenta",
    "fail": "bold red",
    "inconclusive": "yellow",
    "not_run": "cyan",
    "pass": "green",
    "not_applicable": "dim",
}
_OVERALL = {"conformant": "bold green", "nonconformant": "bold red"}


class _Redacted:
    """A stream that scrubs what is written to it."""

    def __init__(self, screen: Screen, stream: TextIO) -> None:
        self._screen = screen
        self._stream = stream

    def write(self, text: str) -> int:
        encoding = self._stream.encoding or "utf-8"
        clean = self._screen.redactor.text(text)
        # A terminal that cannot show a character shows another one, rather than a traceback.
        self._out(lambda: self._stream.write(clean.encode(encoding, "replace").decode(encoding)))
        return len(text)

    def flush(self) -> None:
        self._out(self._stream.flush)

    def _out(self, do: Callable[[], object]) -> None:
        """Who read this may have gone: that changes no verdict, and what is still said is said to nobody.

        :raises SuiteError: it cannot be written for another reason.
        """
        try:
            do()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            what = f"cannot be written ({error.strerror})"
            raise SuiteError(what, where="the output", hint="the reports are in --report-dir") from None

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        return self._stream.encoding


class Screen:
    """Standard output for results, standard error for progress and complaints."""

    def __init__(self) -> None:
        self.redactor = Redactor()
        #: Where a traceback would go.
        self.report_dir = Path("reports")
        #: Signals, while a run catches them; and whether its reports have been written.
        self.stop: Stop | None = None
        self.concluded = False
        self._out = self._console(sys.stdout)
        self._err = self._console(sys.stderr)
        self._told = float("-inf")

    def _console(self, stream: TextIO) -> Console:
        # A stream has a dozen methods; rich uses those of _Redacted.
        file = cast(IO[str], _Redacted(self, stream))
        console = Console(file=file, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = WIDTH
        return console

    @property
    def width(self) -> int:
        """Columns that there are to fill."""
        return min(self._out.width, WIDTH)

    @property
    def columns(self) -> int | None:
        """Columns that sentences are to be folded to; None where the output is no terminal, and lines stay whole."""
        return self.width if self._out.is_terminal else None

    def say(self, text: str = "", style: str = "", *, fold: bool = False) -> None:
        """A line of results, as it is; ``fold``: a sentence, which a terminal gets folded between words."""
        self._out.print(Text(inert(text), style=style), soft_wrap=not (fold and self._out.is_terminal))

    def command(self, line: str) -> None:
        """A line of ours for the runner of a CI job, as it is."""
        self._out.print(Text(line), soft_wrap=True)

    def complain(self, text: str) -> None:
        """A line about what went wrong."""
        line = Text.assemble(("retry-conformance: ", "bold red"), inert(text))
        self._err.print(line, soft_wrap=not self._err.is_terminal)

    def show(self, table: Table) -> None:
        """A table of results."""
        self._out.print(table)

    @contextmanager
    def waiting(self) -> Iterator[Status | None]:
        """While this lasts, ``progress`` has a line of its own on a terminal."""
        if not self._err.is_terminal:
            yield None
            return
        with self._err.status("preflight", spinner="line") as status:
            yield status

    def progress(self, progress: Progress, status: Status | None) -> None:
        """What goes on, or what the run waits for and how long still at most: a line that changes, or one now and then.

        Cheap, for it is told every turn of a run.
        """
        if time.monotonic() - self._told < (EVERY if status is None else OFTEN):
            return
        self._told = time.monotonic()
        text = inert(self.redactor.text(_going_on(progress)))
        if status is not None:
            status.update(Text(text))
        else:
            self._err.print(Text(text), soft_wrap=True)


def _going_on(now: Progress) -> str:
    """One line: elapsed, what is done, calls and messages of their limits, what is proved, and what is waited for."""
    parts = [_clock(now.elapsed)]
    counted = f"{now.part} {now.ended} of {now.of} done" if now.of else now.part
    parts.append(counted if now.at_most is not None else f"{counted}: {now.what}")
    if now.max_calls:
        parts.append(f"{now.calls} of {now.max_calls} calls, {now.messages} of {now.max_messages} messages")
    if now.failures:
        causes = f"{now.causes} cause{'s' if now.causes != 1 else ''}"
        parts.append(f"{causes} so far: {now.failures} requirement{'s fail' if now.failures != 1 else ' fails'}")
    if now.at_most is not None:
        until = _clock(now.elapsed + now.at_most)
        parts.append(f"waiting since {_clock(now.elapsed - now.since)} for {now.what}, until {until} at the latest")
    return " | ".join(parts)


def _clock(seconds: float) -> str:
    """Return seconds since the run began as m:ss, or h:mm:ss."""
    whole = max(0, int(seconds))
    minutes = f"{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{f'{whole // 3600}:' if whole >= 3600 else ''}{minutes}:{whole % 60:02}"


def tell(
    screen: Screen,
    report: Report,
    catalogue: Catalogue,
    *,
    exit_status: int | None = None,
    folder: Path | None = None,
    options: str | None = None,
) -> None:
    """A table of what did not pass, the causes of what fails, and the outcome in a few lines: the last is what stays on a screen.

    :param exit_status: that of the process, where it is not the report's.
    :param folder: where the reports lie, if they are written; :param options: those that named the target, as a shell takes them.
    """
    place = shlex.quote(str(folder)) if folder is not None else "DIR"
    counts = [(n, sum(item.verdict == n for item in report.chosen)) for n in ORDER]
    said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts if count)
    if report.nothing_judged:
        said = "the run ended before anything was judged"
    else:
        if any(item.verdict != "pass" for item in report.chosen):
            screen.show(_table(report))
        passed = [item.id for item in report.chosen if item.verdict == "pass"]
        if passed:
            screen.say(f"pass: {short(passed, most=len(passed))}", style=STYLES["pass"], fold=True)
            screen.say()
    for line in screen_lines(report, screen.width, place, options):
        screen.say(line, style="" if line.startswith(" ") else "bold", fold=not line.startswith(" "))
    told = {name for cause in report.causes for name in cause.requirements}
    for item in report.requirements:
        if item.verdict == "error" or (item.verdict == "fail" and item.id not in told):
            screen.say(story(item, catalogue[item.id], width=screen.width))
            screen.say()
    run = report.run
    screen.say(verdict_line(report), style=_OVERALL.get(report.verdict, "bold yellow"))
    for line in one_line_each(report, screen.width):
        screen.say(line)
    if scope := scope_line(report):
        screen.say(scope, fold=True)
    screen.say(said)
    if report.left_out:
        about = f"of {len(report.requirements)} requirements this run is about {len(report.chosen)}"
        screen.say(f"{about}; of the other {report.left_out} it says nothing", fold=True)
    product = f", {report.target.product}" if report.target.product else ""
    screen.say(f"{run.spent}, seed {run.seed}, {report.target.base_url}{product}", fold=True)
    status = run.exit_status if exit_status is None else exit_status
    screen.say(f"exit status {status}: {meaning(report, status)}", fold=True)


def _table(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("verdict", no_wrap=True)
    table.add_column("requirement", no_wrap=True)
    table.add_column("what it says", ratio=1, overflow="fold")
    table.add_column("why", ratio=1, overflow="fold")
    worst = sorted(report.chosen, key=lambda item: ORDER.index(item.verdict))

    def told(item: ReportedRequirement) -> str:
        return inert(why_of(report, item, brief=True))

    for group in alike((item for item in worst if item.verdict != "pass"), told):
        item, ids = group[0], [each.id for each in group]
        title = item.title if item.level == "MUST" else f"{item.title} ({item.level})"
        table.add_row(
            Text(item.verdict.replace("_", " "), style=STYLES[item.verdict]),
            Text(
                item.id if len(ids) == 1 else f"{len(ids)} requirements",
                style="bold" if item.verdict in ("fail", "error") else "",
            ),
            Text(title if len(ids) == 1 else short(ids, most=len(ids))),
            Text(reason_of(group, told), style="" if item.verdict in ("fail", "error", "inconclusive") else "dim"),
        )
    return table
