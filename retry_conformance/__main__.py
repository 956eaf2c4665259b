"""``retry-conformance``, and ``python -m retry_conformance``."""

from __future__ import annotations

import sys
from typing import NoReturn

from retry_conformance import NameTakenError, claim
from retry_conformance.older_reports import withdraw_for


def main() -> NoReturn:
    """Run the command line of this process, and exit with its status."""
    try:
        withdraw_for(sys.argv[1:])
        claim()
    except NameTakenError as error:
        sys.stderr.write(f"retry-conformance: {error}\n")
        sys.exit(2)
    from conformance.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
