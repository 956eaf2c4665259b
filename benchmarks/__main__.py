"""Print every benchmark's figures. ``--quick`` is a smoke run: few rounds, figures of no worth."""

from __future__ import annotations

import argparse

from benchmarks import judging, plugin, transport


def main() -> None:
    """Run the benchmarks one after the other and print a line or two for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run with few rounds")
    quick = parser.parse_args().quick
    measured = (
        transport.measure(calls=20 if quick else 400),
        judging.measure(rounds=1 if quick else 7),
        plugin.measure(rounds=1 if quick else 9),
    )
    for lines in measured:
        for line in lines:
            print(line)


if __name__ == "__main__":
    main()
