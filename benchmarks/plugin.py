"""What the pytest plugin costs a session that has nothing to do with it: ``python -m benchmarks.plugin``.

The median ratio of ``pytest --co`` on an empty folder with and without ``-p no:retry_conformance``, in the same environment,
by turns. Processor time, for that is what a busy machine leaves comparable. At most 1.05 is wanted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

_WITHOUT = ("-p", "no:retry_conformance")
#: schemathesis brings a plugin of its own that takes most of the time: without it a cost of ours stands out.
_ALONE = ("-p", "no:schemathesis")


def measure(rounds: int) -> Iterator[str]:
    """Yield a line for each figure."""
    for name, common in (("as installed", ()), ("without schemathesis' plugin", _ALONE)):
        pairs = [(_seconds(*common), _seconds(*common, *_WITHOUT)) for _ in range(rounds + 1)][1:]
        one, other = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        ratio = statistics.median(with_us / without for with_us, without in pairs)
        yield f"pytest --co, {name}: {one:.3f} s with the plugin, {other:.3f} s without; ratio {ratio:.3f}"


def _seconds(*arguments: str) -> float:
    """Processor seconds of a session in an empty folder."""
    # With the cache of bytecode that an installation has: without it, every session compiles every plugin again.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        before = os.times()
        command = [sys.executable, "-m", "pytest", "--co", "-q", *arguments]
        subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=120, check=False)
        after = os.times()
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plugin", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="sessions of each kind (9)")
    for line in measure(parser.parse_args().rounds):
        print(line)


if __name__ == "__main__":
    main()
