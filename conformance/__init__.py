"""Conformance suite for the Batch Send - Retry endpoint of Postman v2."""

__version__ = "0.2.0"

#: Versions of the contract (specs/requirements.toml) that this suite judges by, oldest first.
CONTRACT_VERSIONS = ("1.0", "1.1")
#: The newest of them, which is the default everywhere.
CONTRACT_VERSION = CONTRACT_VERSIONS[-1]
