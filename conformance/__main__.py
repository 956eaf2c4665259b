"""``python -m conformance`` is ``retry-conformance``."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process, and exit with its status."""
    try:
        # Loading takes a second, in which an interruption is one too.
        from conformance.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("retry-conformance: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
