"""Unbiased faults: the reference target's own source, mutated, and what the suite says of each mutant.

The faults of ``conformance/reference/faults_*.py`` were thought of by people who know the judges. These were not thought
of at all: mutmut's operators change one expression of the target's behaviour. ``python -m benchmarks.target_mutants``.
"""
