"""The command line (docs/design.md, public interface). ``main`` is the only way in."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Sequence
from html import escape
from typing import NoReturn

import click

from conformance import __version__
from conformance.cli.describe import explain, list_
from conformance.cli.evidence import show, ticket, verify
from conformance.cli.github import annotation, append, on_github
from conformance.cli.init import init
from conformance.cli.offline import compare, judge
from conformance.cli.run import run
from conformance.cli.screen import Screen
from conformance.cli.spec import spec
from conformance.cli.target import doctor, selftest, serve
from conformance.errors import SuiteError
from conformance.report.clean import one_line
from conformance.report.folder import make_folder
from conformance.report.placeholder import not_run
from conformance.session import CRASH_FILE, write_crash
from retry_conformance.older_reports import report_folder


class _Commands(click.Group):
    """Commands in the order in which a new user needs them, each with its whole first sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Fold the sentences; click cuts them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=400)) for name, one in self.commands.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="retry-conformance")
def cli() -> None:
    """Does a server keep the contract of Batch Send - Retry (Postman v2)?

    Begin with `run --target reference`, or with `init` for a target of your own.
    """


for command in (init, doctor, run, show, ticket, compare, verify, explain, list_, serve, judge, spec, selftest):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status; whatever goes wrong is one line on stderr."""
    _open_streams()
    # What is loaded stays, and a history grows: looking through all of it for garbage a hundred times takes a tenth of a run.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.exit(status_of(sys.argv[1:] if arguments is None else arguments))


def _open_streams() -> None:
    """Let a standard stream that was closed lead to nowhere: the next file would be opened in its place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    # Python has none for what was closed when it started.
    streams = vars(sys)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if streams[name] is None:
            streams[name] = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8")


def status_of(arguments: Sequence[str]) -> int:
    """The exit status of a command line. Raises nothing."""
    screen = Screen()
    try:
        result = cli.main(list(arguments), prog_name="retry-conformance", standalone_mode=False, obj=screen)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        # Click's own texts name the option.
        text = error.format_message()
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(text, err=True)
        else:
            screen.complain(" ".join(text.split()))
        return _unrun(screen, arguments, text.strip().splitlines()[0], 2)
    except SuiteError as error:
        screen.complain(str(error))
        return _unrun(screen, arguments, str(error), error.exit_status)
    except (click.Abort, KeyboardInterrupt):
        said = screen.stop.words if screen.stop is not None else "interrupted"
        screen.complain(said)
        return _unrun(screen, arguments, said, screen.stop.exit_status if screen.stop is not None else 130)
    except Exception as crash:
        logging.getLogger(__name__).debug("the suite broke", exc_info=True)
        return _unrun(screen, arguments, f"the suite itself broke ({type(crash).__name__})", _broken(screen, crash))


def _unrun(screen: Screen, arguments: Sequence[str], reason: str, status: int) -> int:
    """Let the reports of a `run` say that there was none, and why; returns the exit status that was given."""
    folder = report_folder(arguments)
    if folder is None or screen.concluded:
        return status
    reason = screen.redactor.text(reason)
    try:
        not_run(folder, reason, status)
        if on_github(os.environ):
            screen.command(annotation(f"exit status {status}", f"not run: {reason}"))
            append(f"# Batch Send - Retry: not run\n\n{escape(one_line(reason))}", os.environ)
    except SuiteError as error:
        # The reason was told already. That the reports are of another run is new, if that is what it is.
        if str(error) != reason:
            screen.complain(str(error))
    return status


def _broken(screen: Screen, crash: Exception) -> int:
    """Say that the suite itself broke, and keep the traceback in a file."""
    text = f"the suite itself broke ({type(crash).__name__}: {crash})"
    try:
        folder = make_folder(screen.report_dir)
        write_crash(folder, screen.redactor)
    except (SuiteError, OSError):
        screen.complain(text)
    else:
        screen.complain(f"{text} — {folder / CRASH_FILE} says where; please report it")
    return 5
