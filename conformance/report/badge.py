"""A badge for a README."""

from __future__ import annotations

from html import escape

_COLOURS = {"conformant": "#2b7a3d", "nonconformant": "#b3261e", "inconclusive": "#8a5a00", "error": "#5b3a8e"}


def badge(claim: str, verdict: str | None = None, *, product: str = "", day: str = "", more: str = "") -> str:
    """An SVG that says what was claimed.

    :param claim: the verdict, with what it is about; :param verdict: the bare verdict, which chooses the colour.
    :param product: what is claimed of, for the left side; :param day: when it was tested; :param more: for the tooltip.
    """
    name = f"batch retry: {product}" if product else "batch retry"
    claim = f"{claim}, {day}" if day else claim
    label, said = escape(name), escape(claim)
    left, right = 6.6 * len(name) + 14, 6.6 * len(claim) + 14
    width = left + right
    colour = _COLOURS.get(verdict or claim, "#555")
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="20" role="img" aria-label="{label}: {said}">
<title>{label}: {said}{escape(more)}</title>
<rect width="{width:.0f}" height="20" rx="3" fill="#444"/>
<path d="M{left:.0f} 0h{right - 3:.0f}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3:.0f}z" fill="{colour}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left / 2:.0f}" y="14">{label}</text><text x="{left + right / 2:.0f}" y="14">{said}</text></g>
</svg>
"""
