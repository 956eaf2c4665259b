"""Probes of a reference target: what a client does, and what it then sees, as one value to compare."""
