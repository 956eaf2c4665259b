"""The suite as pytest items, one for each requirement: ``pytest --pyargs conformance.suite --target URL``.

The items are the plugin's, which collects this file. Without it nothing would be tested, and a gate must not be green for that.
"""

import sys

import pytest

if "retry_conformance.pytest_plugin" not in sys.modules:
    pytest.fail(
        "the suite was named and cannot run: its plugin is not loaded — let pytest load it, "
        "or give -p retry_conformance.pytest_plugin",
        pytrace=False,
    )
