"""The timeline of a cause: what is drawn (``model``), the drawing (``svg``)."""

from conformance.report.timeline.model import Bar, Call, Lane, Timeline, timeline
from conformance.report.timeline.svg import svg

__all__ = ["Bar", "Call", "Lane", "Timeline", "svg", "timeline"]
