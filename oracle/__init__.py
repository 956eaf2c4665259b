"""The specification of the judges, for tests and benchmarks: a model of the contract, and a simulator of legal targets.

The model (``world``, ``explain``, ``walk``, ``notation``) searches for a legal execution that explains a history. The
simulator (``simulator``) makes legal histories by another way; the two share no code. Not part of the wheel.
"""
