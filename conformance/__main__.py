"""``python -m conformance`` is ``retry-conformance``."""

from conformance.cli import main

if __name__ == "__main__":
    main()
