"""Collected by ``conformance.plugin``, which makes one item of each requirement of the catalogue."""
