"""Installing the suite does not blank what Hypothesis prints in its users' own tests."""

from __future__ import annotations

import pytest

TEST = """
from hypothesis import given, settings, strategies as st

@settings(database=None, derandomize=True)
@given(st.integers())
def test_small(number):
    assert number < 10
"""


def test_a_users_falsifying_example_is_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-q", timeout=60)
    result.stdout.fnmatch_lines(["*number=10*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_schemathesis_blanks_it_without_us(pytester: pytest.Pytester) -> None:
    """If this fails, schemathesis has mended it, and ``retry_conformance.hypothesis_printer`` may go."""
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-q", "-p", "no:retry_conformance", timeout=60)
    result.stdout.fnmatch_lines(["*number=,*"])


def test_a_session_of_schemathesis_own_tests_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hypothesis.core
        import schemathesis

        schema = schemathesis.openapi.from_dict(
            {"openapi": "3.1.0", "info": {"title": "t", "version": "1"},
             "paths": {"/a": {"get": {"responses": {"200": {"description": "d"}}}}}}
        )

        @schema.parametrize()
        def test_api(case):
            assert hypothesis.core.RepresentationPrinter.__module__.startswith("schemathesis")
        """
    )
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed=1)
