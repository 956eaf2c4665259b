"""Hypothesis, kept from mixing what stands in the user's own modules into what it draws.

It draws one value in twenty from constants: its own, and those in the source of every loaded module outside site-packages.
The latter would make a seed mean something else in each process, and could carry a key that stands in a test of the
user's to the target. There is no setting for it; ``tests/test_fuzzing_drawing.py`` notices if the handle is gone.

It also finds out which characters UTF-8 encodes by encoding each of them, a second in every new folder; here it is told.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from hypothesis.internal.intervalsets import IntervalSet


@contextmanager
def sealed() -> Iterator[None]:
    """While this lasts, no constant of a loaded module is drawn."""
    from hypothesis.internal import charmap
    from hypothesis.internal.conjecture import providers
    from hypothesis.internal.constants_ast import Constants

    of_codec = charmap.intervals_from_codec

    def encodable(codec: str) -> tuple[IntervalSet, IntervalSet]:
        return utf8() if codec == "utf-8" else of_codec(codec)

    def cleared() -> None:
        providers.CONSTANTS_CACHE.cache.clear()

    # Which constants fit is remembered by kind of value, with those of the modules.
    cleared()
    try:
        with (
            patch.object(providers, "_get_local_constants", Constants),
            patch.object(charmap, "intervals_from_codec", encodable),
        ):
            yield
    finally:
        cleared()


def utf8() -> tuple[IntervalSet, IntervalSet]:
    """The characters that UTF-8 encodes, which are all but surrogates, and those that it does not decode again: none."""
    from hypothesis.internal.intervalsets import IntervalSet

    return IntervalSet([(0, 0xD7FF), (0xE000, sys.maxunicode)]), IntervalSet()
