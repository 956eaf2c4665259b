"""Verdicts: what the opinions of the judges amount to.

    model     the verdicts as data
    scope     what the run was about: selection, declarations, configuration, cases
    shown     what a pass was shown with

``conformance.deciding`` puts them together.
"""

from conformance.verdicts.model import ORDER, Reason, Shown, Verdict, VerdictName, Verdicts

__all__ = ["ORDER", "Reason", "Shown", "Verdict", "VerdictName", "Verdicts"]
