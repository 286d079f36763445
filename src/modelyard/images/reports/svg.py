"""Pictures as SVG, to stand inside of a web page."""

from __future__ import annotations

from html import escape

from modelyard.images.reports.pictures import Box, Line, Mark, Picture

_NAMESPACE = "http://www.w3.org/2000/svg"


def drawn(picture: Picture) -> str:
    """Return the picture as an `svg` element."""
    marks = "".join(map(_mark, picture.marks))
    return (
        f'<svg viewBox="0 0 {picture.width:g} {picture.height:g}" role="img" '
        f'aria-label="{escape(picture.said)}">{marks}</svg>'
    )


def file(picture: Picture) -> bytes:
    """Return the picture as a file of its own."""
    return drawn(picture).replace("<svg ", f'<svg xmlns="{_NAMESPACE}" ', 1).encode()


def _mark(mark: Mark) -> str:
    if isinstance(mark, Box):
        return (
            f'<rect x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}" '
            f'height="{mark.height:.2f}" fill="{mark.fill}" fill-opacity="{mark.opacity:.2f}"/>'
        )
    if isinstance(mark, Line):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in mark.points)
        dashes = ' stroke-dasharray="3 3"' if mark.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{mark.colour}" '
            f'stroke-width="{mark.width:g}" stroke-linejoin="round"{dashes}/>'
        )
    weight = ' font-weight="600"' if mark.bold else ""
    return (
        f'<text x="{mark.x:.2f}" y="{mark.y:.2f}" font-size="{mark.size:.2f}" '
        f'fill="{mark.colour}" text-anchor="{mark.anchor}"{weight}>{escape(mark.text)}</text>'
    )
