"""The suite as pytest items, one for each requirement: ``pytest --pyargs conformance.suite --target URL``."""
