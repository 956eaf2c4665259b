"""What each hostile behaviour of the tests' table costs: peak memory and time of the run, and of judging its history again.

``python -m benchmarks.hostile [WORD...]`` prints a line for every row (of those whose name holds one of the words). The run and
``judge`` are processes of their own, so that the server's memory is not counted. Exit status 1 if a row takes more than 300 MiB,
more than max_seconds + 10 s, or ends in 5.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import msgspec

from conformance.config import Config, ProviderStates
from conformance.reference import server as reference
from conformance.reference.app import Service, create_app
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from tests.hostile import MUTATIONS, SCRIPTS, SECONDS, STATES, short
from tests.mutating import Mutating, Mutation, Said
from tests.raw import Script, a_config, listening

#: Bounds: MiB, and seconds beyond limits.max_seconds.
MOST_MIB, BEYOND = 300, 10.0
#: Forks a process for each line that it reads, so that nothing is imported twice, and says what that process took.
_NURSERY = """
import json, os, signal, sys, time
import msgspec
from pathlib import Path
from conformance.cli import status_of
from conformance.config import Config
from conformance.session import Options, execute

def do(folder, what):
    if what == "judge":
        return status_of(["judge", str(folder / "r" / "history.jsonl")])
    config = msgspec.json.decode((folder / "config.json").read_bytes(), type=Config)
    options = Options(report_dir=folder / "r", drivers=("scenarios",), depth="quick", seed=1)
    return execute(config, options).exit_status

for line in sys.stdin:
    folder, what, most = json.loads(line)
    began, child = time.monotonic(), os.fork()
    if not child:
        signal.alarm(most)
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        try:
            os._exit(do(Path(folder), what))
        except BaseException:
            os._exit(5)
    _, status, took = os.wait4(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    print(json.dumps([took.ru_maxrss // 1024, time.monotonic() - began, ended if ended >= 0 else 5]), flush=True)
"""


def _many(make: Callable[[int], object]) -> Mutation:
    """Answer every read with something near the bounds, each time another."""

    def mutate(said: Said) -> None:
        if said.number > 2:
            said.say(make(said.number))

    return mutate


#: Answers near the bounds one after the other: what one such answer may cost is not what a whole run of them may.
NEAR_MAXIMAL: dict[str, Mutation] = {
    "every answer a page of 2,000 other ids": _many(
        lambda n: {"data": [{"id": f"message_{n}_{i}"} for i in range(2_000)], "pageData": {"hasNextPage": False}}
    ),
    "every answer 70,000 small objects": _many(lambda n: {"data": [], "x": [{f"k{n}_{i}": ""} for i in range(70_000)]}),
    "every answer 7 MB of text": _many(lambda n: {"data": [], "pageData": {}, "x": f"{n:08}" * 900_000}),
    "every answer 100,000 texts": _many(
        lambda n: {"data": [], "pageData": {}, "x": [f"{n} {i}" for i in range(100_000)]}
    ),
    "every answer 1,900 whole messages": _many(
        lambda n: {"data": [_message(n, i) for i in range(1_900)], "pageData": {"hasNextPage": False}}
    ),
}


def _message(n: int, i: int) -> dict[str, object]:
    texts = {name: f"{name} {n} {i}" for name in ("id", "fullMessage", "templateBodyId", "creatorId", "campaignId")}
    batch = {"id": f"batch_{n}_{i}", "status": "messages_enqueued", "originalFileName": "x.csv", "totalMessages": 20}
    attempts = [{"status": "failure", "id": f"a_{n}_{i}_{k}"} for k in range(3)]
    known = {"recipient": "6511112222", "latestStatus": "failure", "numAttempts": 3, "values": {"body": f"{n} {i}"}}
    return {**texts, **known, "batches": [batch], "messageAttempts": attempts}


@contextmanager
def _mutated(mutation: Mutation) -> Iterator[Config]:
    def layered(service: Service) -> Mutating:
        layer = Mutating(create_app(service))
        layer.change(mutation)
        return layer

    with patch.object(reference, "create_app", layered), ReferenceServer(Settings(speed=16)) as server:
        yield short(server.config())


@contextmanager
def _scripted(script: Script) -> Iterator[Config]:
    with listening(script) as server:
        config = a_config(server.url, read_timeout=0.2, connect_timeout=0.2)
        yield msgspec.structs.replace(config, limits=msgspec.structs.replace(config.limits, max_seconds=SECONDS))


@contextmanager
def _stated(script: Script) -> Iterator[Config]:
    with listening(script) as vendor, ReferenceServer(Settings(speed=16)) as server:
        config = short(server.config())
        states = ProviderStates(url=f"http://127.0.0.1:{vendor.port}/states")
        yield msgspec.structs.replace(config, provider_states=states)


@contextmanager
def _long(mutation: Mutation) -> Iterator[Config]:
    """A run that has time and calls for many such answers."""
    with _mutated(mutation) as config:
        limits = msgspec.structs.replace(config.limits, max_calls=400, max_seconds=60.0)
        yield msgspec.structs.replace(config, limits=limits)


def rows() -> Iterator[tuple[str, Callable[[], AbstractContextManager[Config]]]]:
    """Every row's name, and what serves it: a context manager that yields a configuration."""
    for name, mutation in MUTATIONS.items():
        yield f"answers: {name}", lambda m=mutation: _mutated(m)  # type: ignore[misc]
    for name, script in SCRIPTS.items():
        yield f"transport: {name}", lambda s=script: _scripted(s)  # type: ignore[misc]
    for name, script in STATES.items():
        yield f"states: {name}", lambda s=script: _stated(s)  # type: ignore[misc]
    for name, mutation in NEAR_MAXIMAL.items():
        yield f"near the bounds: {name}", lambda m=mutation: _long(m)  # type: ignore[misc]


@contextmanager
def _nursery() -> Iterator[Callable[[Path, str, float], tuple[int, float, int]]]:
    """Measures a run or ``judge`` in a process of its own: peak in MiB, seconds, exit status (5 if it was killed)."""
    command = [sys.executable, "-c", _NURSERY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asked, said = process.stdin, process.stdout
        assert asked is not None
        assert said is not None

        def measured(folder: Path, what: str, bound: float) -> tuple[int, float, int]:
            asked.write(json.dumps([str(folder), what, int(bound) + 120]) + "\n")
            asked.flush()
            peak, seconds, status = json.loads(said.readline())
            return peak, seconds, status

        yield measured
        asked.close()


def main() -> int:
    """Measure every row that was asked for, and print a line for each; the largest figures at the end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("word", nargs="*", help="rows whose name holds it")
    words = parser.parse_args().word
    chosen = [(name, make) for name, make in rows() if not words or any(word in name for word in words)]
    wrong, most = 0, [0, 0.0, 0, 0.0]
    print(f"{'row':62}{'run MiB':>8}{'s':>7}{'of':>6}{'exit':>5}{'judge MiB':>10}{'s':>7}{'exit':>5}")
    with _nursery() as measured:
        for name, make in chosen:
            with TemporaryDirectory() as made, make() as config:
                folder, bound = Path(made), config.limits.max_seconds + BEYOND
                (folder / "config.json").write_bytes(msgspec.json.encode(config))
                peak, seconds, status = measured(folder, "run", bound)
                again, took, verdict = measured(folder, "judge", bound)
            bad = max(peak, again) > MOST_MIB or seconds > bound or 5 in (status, verdict)
            wrong += bad
            most = [max(a, b) for a, b in zip(most, (peak, seconds, again, took), strict=True)]
            line = f"{name[:61]:62}{peak:8}{seconds:7.1f}{bound:6.0f}{status:5}{again:10}{took:7.1f}{verdict:5}"
            print(line + ("  BEYOND" if bad else ""), flush=True)
    most_said = f"run {most[0]} MiB, {most[1]:.1f} s; judge {most[2]} MiB, {most[3]:.1f} s"
    print(f"{len(chosen)} rows, {wrong} beyond a bound; at most: {most_said}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
