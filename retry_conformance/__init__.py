"""Ways into the suite that work however the folders of a user's project are called.

The suite itself is the package ``conformance``, a name that a project may have for a folder of its own; ``python -m
pytest`` puts that folder first on the path. What is imported from outside, the console script and the pytest plugin, is
therefore here, and takes ``conformance`` from where it is installed: next to this package.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

#: What arguments of pytest call the suite, with --pyargs.
NAMES = ("conformance", "conformance.suite", "conformance.suite.test_requirements")
HOME = Path(__file__).resolve().parent.parent / "conformance"


class NameTakenError(ImportError):
    """The name ``conformance`` belongs to a package of the user's that this process has imported already."""


def claim() -> None:
    """Make ``import conformance`` mean the suite in this process.

    :raises NameTakenError: a package of that name that is not ours has been imported.
    """
    found = sys.modules.get("conformance")
    if found is not None:
        place = getattr(found, "__file__", None)
        if place is not None and Path(place).resolve().parent == HOME:
            return
        if place is not None or any(name.startswith("conformance.") for name in sys.modules):
            where = place or "a folder of the project"
            raise NameTakenError(
                f"this process has imported another package named conformance ({where}): run the suite in a session of "
                "its own, or with `retry-conformance run`"
            )
    spec = importlib.util.spec_from_file_location(
        "conformance", HOME / "__init__.py", submodule_search_locations=[str(HOME)]
    )
    if spec is None or spec.loader is None:
        raise NameTakenError(f"the suite is not where it was installed ({HOME}): install it again")
    module = importlib.util.module_from_spec(spec)
    sys.modules["conformance"] = module
    spec.loader.exec_module(module)
