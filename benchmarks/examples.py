"""Record a failure for each requirement, for the pages of ``docs/requirements``.

``python -m benchmarks.examples`` runs the suite against the reference target with a fault for each requirement, and writes
``docs/requirements/examples.json``; with ids, it records these anew and keeps the others. It says which requirements no
fault could be shown for. Then ``python -m conformance.catalogue_docs`` makes the pages.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec

from conformance.catalogue import load
from conformance.examples import Example, example, read_examples
from conformance.reference.faults import FAULTS
from conformance.reference.server import ReferenceServer
from conformance.reference.settings import Settings
from conformance.session import Options, execute
from conformance.workers import processes

FILE = Path(__file__).resolve().parent.parent / "docs" / "requirements" / "examples.json"
#: Seconds after which a run is given up.
PATIENCE = 120.0
#: Faults that are tried for a requirement at most.
TRIED = 4


def faults_of(requirement: str) -> list[str]:
    """The faults that may show a requirement's failure, those that break nothing else first."""
    breaking = [fault for fault in FAULTS.values() if requirement in fault.breaks]
    breaking.sort(key=lambda fault: (len(fault.breaks), fault.deep, fault.whole))
    return [fault.name for fault in breaking[:TRIED]]


def record(requirement: str) -> Example | None:
    """Run against faults until one shows the failure of this requirement, and keep it; None if none does."""
    tried = [(name, whole) for whole in (False, True) for name in faults_of(requirement)]
    found = (_record(requirement, name, whole=whole) for name, whole in tried)
    return next((one for one in found if one is not None), None)


def _record(requirement: str, name: str, *, whole: bool) -> Example | None:
    """Run against a fault; ``whole``: with all planned scenarios, and not only those of what the fault breaks."""
    fault = FAULTS[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        ReferenceServer(Settings(faults=(name,), speed=fault.speed)) as server,
    ):
        config = server.config()
        config = msgspec.structs.replace(config, limits=msgspec.structs.replace(config.limits, max_seconds=PATIENCE))
        options = Options(
            depth="deep" if fault.deep else "quick",
            drivers=fault.drivers,
            selected=() if whole or fault.whole else fault.breaks,
            seed=1,
            report_dir=Path(folder),
        )
        result = execute(config, options)
    return example(requirement, name, result.report, result.history)


def main() -> None:
    """Record the examples, a few at once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.examples", description=__doc__)
    parser.add_argument("requirements", nargs="*", metavar="ID", help="by default all")
    parser.add_argument("--workers", type=int, default=3)
    given = parser.parse_args()
    wanted = given.requirements or [r.id for r in load().requirements]
    kept = read_examples(FILE) if given.requirements and FILE.is_file() else {}
    with processes(given.workers) as pool:
        for name, found in zip(wanted, pool.map(record, wanted), strict=True):
            print(f"{name}: {found.fault if found else 'no failure shown'}", flush=True)
            if found:
                kept[name] = found
    ordered = [kept[r.id] for r in load().requirements if r.id in kept]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n")
    print(f"{len(ordered)} of {len(load().requirements)} requirements have an example")


if __name__ == "__main__":
    main()
