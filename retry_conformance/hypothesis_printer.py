"""Hypothesis' printed examples, for everybody who installs the suite.

schemathesis, which comes with the suite, replaces the printer that Hypothesis prints falsifying examples with by one that
prints nothing, in every pytest session: any failure of the user's own shows ``x=,``. It does so for the speed of its own
tests; where none of those was collected, the printer is put back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable


def restore(kinds: Iterable[type]) -> None:
    """Put Hypothesis' printer back, unless schemathesis has collected tests of its own.

    :param kinds: the types of what pytest has collected.
    """
    if "hypothesis" not in sys.modules or "schemathesis" not in sys.modules:
        return
    if any(kind.__module__.startswith("schemathesis") for kind in kinds):
        return
    import hypothesis.core
    import hypothesis.vendor.pretty
    from schemathesis.generation.hypothesis import setup

    # It swaps the printer once, when it is first needed: let it do so now.
    setup()
    # It raises a bound on what may be drawn too; that stays, for its strategies need it.
    vars(hypothesis.core)["RepresentationPrinter"] = hypothesis.vendor.pretty.RepresentationPrinter
