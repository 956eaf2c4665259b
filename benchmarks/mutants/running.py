"""Running mutants: a process with the tests loaded forks for each; the fork runs the tests that execute the changed statement."""

from __future__ import annotations

import gc
import os
import resource
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Literal

import coverage
import msgspec
import pytest
from _pytest.runner import runtestprotocol

from benchmarks.mutants.mutation import Mutant

#: A test may take so many times as long as with the judges as they are, and so many seconds more, in CPU time.
TIMES, MORE = 10.0, 2.0
#: CPU seconds that one mutant's tests may take together, by what they took without it, and what a test costs besides.
BUDGET, COST = 60.0, 0.003
#: Bounds of one mutant, in seconds and bytes, whatever its tests do.
WALL, MEMORY = 900, 4 << 30
_QUIET = ("-q", "-s", "-p", "no:xdist", "-p", "no:randomly", "--no-header", "--no-summary")

#: What became of a mutant.
Result = Literal["killed", "timeout", "survived", "uncovered"]


class Covers(msgspec.Struct, frozen=True):
    """What one test runs of the judges, and how long it takes in CPU seconds."""

    seconds: float
    #: Lines by module.
    lines: Mapping[str, tuple[int, ...]]


class Outcome(msgspec.Struct, frozen=True):
    """What became of a mutant, and the test that killed it."""

    result: Result
    test: str = ""


def measured(files: Sequence[str], root: Path, limit: float) -> dict[str, Covers]:
    """What each test of these files runs; all must pass, and those that take longer than ``limit`` CPU seconds are left out.

    :raises RuntimeError: a test fails with the judges as they are.
    """
    status, read = _forked(lambda out: _measure(files, root, limit, out))
    if status:
        raise RuntimeError(f"a test fails without any mutant: run pytest on {' '.join(files)}")
    return msgspec.json.decode(read, type=dict[str, Covers])


def run(
    mutants: Iterable[Mutant],
    tests: Mapping[str, Covers],
    files: Sequence[str],
    root: Path,
    tell: Callable[[Mutant, Outcome], None],
) -> None:
    """Run mutants, and tell what becomes of each.

    :param files: the files that hold the tests.
    :param root: the folder of the judges.
    """
    order = varied(tests)
    covered = []
    for mutant in mutants:
        names = covering(mutant, tests, order)
        if names:
            covered.append((mutant, names))
        else:
            tell(mutant, Outcome("uncovered"))
    if covered:
        pytest.main([*_QUIET, *files], plugins=[_Loop(covered, tests, root, tell)])


def varied(tests: Mapping[str, Covers]) -> tuple[str, ...]:
    """The tests in an order of which every beginning runs as much as it can in its time: next is what runs most lines that none
    before it did, for the time that it takes.

    Where none is left that runs a new line, it begins anew with the others.
    """
    bits: dict[tuple[str, int], int] = {}
    left = {
        name: sum(1 << bits.setdefault((m, n), len(bits)) for m, of in covers.lines.items() for n in of)
        for name, covers in tests.items()
    }
    order: list[str] = []
    seen = 0
    while left:
        name = max(left, key=lambda one: ((left[one] & ~seen).bit_count() / (tests[one].seconds + COST), one))
        if seen and not left[name] & ~seen:
            seen = 0
            continue
        seen |= left.pop(name) | 1 << len(bits)
        order.append(name)
    return tuple(order)


def covering(mutant: Mutant, tests: Mapping[str, Covers], order: Iterable[str]) -> tuple[str, ...]:
    """The tests that run the changed statement, in this order, as many as ``BUDGET`` allows."""
    first, last = mutant.lines
    found: list[str] = []
    spent = 0.0
    for name in order:
        if any(first <= line <= last for line in tests[name].lines.get(mutant.module, ())):
            spent += tests[name].seconds + COST
            if found and spent > BUDGET:
                break
            found.append(name)
    return tuple(found)


class _Loop:
    """Stands in for pytest's loop over the tests that it has collected."""

    def __init__(
        self,
        mutants: Sequence[tuple[Mutant, tuple[str, ...]]],
        tests: Mapping[str, Covers],
        root: Path,
        tell: Callable[[Mutant, Outcome], None],
    ) -> None:
        self.mutants = mutants
        self.tests = tests
        self.root = root
        self.tell = tell

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = _functions(self.root)
        gc.freeze()
        for mutant, names in self.mutants:
            chosen = [items[name] for name in names if name in items]
            self.tell(mutant, _outcome(lambda out, m=mutant, c=chosen: self._one(m, functions, c, out)))  # type: ignore[misc]
        return True

    def _one(
        self,
        mutant: Mutant,
        functions: Mapping[tuple[str, str], list[FunctionType]],
        items: Sequence[pytest.Item],
        out: int,
    ) -> None:
        path = str(self.root / mutant.module)
        code = _find(compile(mutant.source, path, "exec"), mutant.function)
        for function in functions[path, mutant.function]:
            function.__code__ = code
        for item, following in zip(items, (*items[1:], None), strict=True):
            os.pwrite(out, item.nodeid.encode() + b"\n", 0)
            signal.setitimer(signal.ITIMER_PROF, self.tests[item.nodeid].seconds * TIMES + MORE)
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                os._exit(1)


class _Measure:
    """Notes of each test what it runs and how long it takes."""

    def __init__(self, measuring: coverage.Coverage) -> None:
        self.measuring = measuring
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.measuring.switch_context(item.nodeid)
        begun = time.process_time()
        yield
        self.seconds[item.nodeid] = time.process_time() - begun

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)


def _measure(files: Sequence[str], root: Path, limit: float, out: int) -> None:
    measuring = coverage.Coverage(data_file=None, include=[f"{root}/*"], config_file=False)
    measuring.start()
    plugin = _Measure(measuring)
    status = pytest.main([*_QUIET, *files], plugins=[plugin])
    measuring.stop()
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or plugin.failed:
        os._exit(1)
    data = measuring.get_data()
    lines: dict[str, dict[str, list[int]]] = {name: {} for name, taken in plugin.seconds.items() if taken <= limit}
    for file in data.measured_files():
        module = Path(file).relative_to(root).as_posix()
        for line, names in data.contexts_by_lineno(file).items():
            for name in names:
                if name in lines:
                    lines[name].setdefault(module, []).append(line)
    told = {name: Covers(round(plugin.seconds[name], 4), lines[name]) for name in lines}  # type: ignore[arg-type]
    with open(out, "wb", closefd=False) as written:
        written.write(msgspec.json.encode(told))


def _functions(root: Path) -> dict[tuple[str, str], list[FunctionType]]:
    """Every function of the judges that is loaded, by file and name, wherever it is kept: a rule keeps its check."""
    found: dict[tuple[str, str], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(f"{root}/"):
            found.setdefault((thing.__code__.co_filename, thing.__code__.co_qualname), []).append(thing)
    return found


def _find(code: CodeType, name: str) -> CodeType:
    """The code of the function with that name in a module's."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_qualname == name:
                return inner
            if name.startswith(f"{inner.co_qualname}."):
                return _find(inner, name)
    raise LookupError(name)


def _outcome(work: Callable[[int], None]) -> Outcome:
    status, said = _forked(work)
    test = said.decode().partition("\n")[0]
    if os.WIFSIGNALED(status):
        timed = os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)
        return Outcome("timeout" if timed else "killed", test)
    return Outcome("survived") if os.WEXITSTATUS(status) == 0 else Outcome("killed", test)


def _forked(work: Callable[[int], None]) -> tuple[int, bytes]:
    """Do it in a process of its own, which may write to a file; its wait status, and what it wrote.

    The process ends with 0 if the work returns.
    """
    out = os.memfd_create("mutant")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.alarm(WALL)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            work(out)
            status = 0
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    size = os.lseek(out, 0, os.SEEK_END)
    said = os.pread(out, size, 0)
    os.close(out)
    return ended, said
