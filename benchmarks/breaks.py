"""Which faults of the reference break each requirement. ``python -m benchmarks.breaks``.

A finding that names one of a fault's requirements is right. Faults that differ in a number only, such as the width of a race
window, are one mechanism.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.catalogue import load
from conformance.reference.faults import FAULTS

#: Mechanisms that each requirement should be broken by, and those for which one is enough: each has one way to be wrong.
ENOUGH, ONE = 3, ("BR-ERR-06", "BR-ERR-07")
_WINDOW = re.compile(r"-\d+-ms$")


def mechanisms(requirement: str) -> dict[str, list[str]]:
    """The faults that break a requirement, by mechanism."""
    found: dict[str, list[str]] = {}
    for name, fault in FAULTS.items():
        if requirement in fault.breaks:
            found.setdefault(_WINDOW.sub("", name), []).append(name)
    return found


def lines() -> Iterator[str]:
    """A line for each requirement, and how many there are."""
    few = []
    for requirement in load().requirements:
        found = mechanisms(requirement.id)
        yield f"{requirement.id}  {len(found):2}  {', '.join(found)}"
        if len(found) < (1 if requirement.id in ONE else ENOUGH):
            few.append(requirement.id)
    yield f"{len(FAULTS)} faults; broken by fewer than {ENOUGH} mechanisms: {', '.join(few) or 'none'}"


def main() -> None:
    """Print the table."""
    for line in lines():
        print(line)


if __name__ == "__main__":
    main()
