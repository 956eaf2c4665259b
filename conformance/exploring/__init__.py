"""Exploring: programs that nobody planned, drawn by hypothesis, judged each by itself, and shrunk where they find something.

Nothing that is drawn depends on an answer, and hypothesis decides no verdict: all that is done here is on record in
the one history, which is judged as a whole at the end.
"""
