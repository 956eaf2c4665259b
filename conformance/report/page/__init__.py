"""report.html: one static page, complete without script."""

from conformance.report.page.render import page

__all__ = ["page"]
