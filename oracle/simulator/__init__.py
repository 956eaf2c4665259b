"""A simulator of legal targets and of clients of ours, in continuous virtual time: histories that accuse nobody.

A second source of legal histories, beside the model: it shares no code with it, nor with the judges. ``simulate`` makes
one history from a seed; with a fault of ``faults.FAULTS`` it makes a broken one.
"""
