"""A second target that keeps the contract: threads, SQLite, a queue of jobs, keyset paging, its own ids and clocks.

Written from the contract's text alone, and shares no line with ``conformance.reference``: what both targets show, the
contract shows. ``python -m benchmarks.innocent`` runs the suite against it.
"""
