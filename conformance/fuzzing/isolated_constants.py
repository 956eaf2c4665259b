"""Hypothesis, kept from mixing what stands in the user's own modules into what it draws.

It draws one value in twenty from constants: its own, and those in the source of every loaded module outside site-packages.
The latter would make a seed mean something else in each process, and could carry a key that stands in a test of the
user's to the target. There is no setting for it; ``tests/test_fuzzing_drawing.py`` notices if the handle is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def sealed() -> Iterator[None]:
    """While this lasts, no constant of a loaded module is drawn."""
    from hypothesis.internal.conjecture import providers
    from hypothesis.internal.constants_ast import Constants

    def cleared() -> None:
        providers.CONSTANTS_CACHE.cache.clear()

    # Which constants fit is remembered by kind of value, with those of the modules.
    cleared()
    try:
        with patch.object(providers, "_get_local_constants", Constants):
            yield
    finally:
        cleared()
