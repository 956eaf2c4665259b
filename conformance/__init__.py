"""Conformance suite for the Batch Send - Retry endpoint of Postman v2."""

__version__ = "0.1.0"

#: Version of the contract (specs/requirements.toml) that this suite judges by.
CONTRACT_VERSION = "1.0"
