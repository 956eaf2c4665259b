"""Mutation testing of the judges: ``python -m benchmarks.mutants``.

mutmut names what may be changed in a line (its operators); the rest is ours, since mutmut leaves out decorated functions, and with
them every ``@rule``. Nothing here imports what is mutated before a mutant is in place.
"""
