"""A report on paper: A4, as PDF."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from reportlab.graphics import shapes
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Cells

from modelyard.images.reports.blocks import (
    Block,
    Figure,
    Gallery,
    Heading,
    Mood,
    Notice,
    Report,
    Sentence,
    Table,
    right_aligned,
)
from modelyard.images.reports.pictures import BAD, GOOD, INK, PALE, RULE, Box, Line, Mark, Picture

_MARGIN = 18 * mm
_PADDING = 6  # ReportLab's own, within the margins
_WIDTH = A4[0] - 2 * _MARGIN - 2 * _PADDING
_CELL_SIZE = 7.5
_SHORT_LETTERS = 22
_BORDERS = {Mood.BAD: BAD, Mood.GOOD: GOOD, Mood.PLAIN: PALE}


def write(report: Report, path: Path) -> None:
    """Write the PDF, whole or not at all. The same report gives the same bytes."""
    _fonts()
    aside = path.with_name(f".{path.name}.partial")
    document = SimpleDocTemplate(
        str(aside),
        pagesize=A4,
        title=report.title,
        invariant=1,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
    )
    document.build(list(_story(report)), onFirstPage=_footer, onLaterPages=_footer)
    aside.replace(path)


@cache
def _fonts() -> None:
    """Register the typeface that comes with ReportLab: unlike PDF's own it is not only Latin-1."""
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    pdfmetrics.registerFont(TTFont("VeraBd", "VeraBd.ttf"))
    pdfmetrics.registerFontFamily("Vera", normal="Vera", bold="VeraBd")


def _style(size: float, **options: Any) -> ParagraphStyle:
    given = {"fontName": "Vera", "textColor": colors.HexColor(INK), "splitLongWords": 1} | options
    return ParagraphStyle("text", fontSize=size, leading=size * 1.35, **given)


def _story(report: Report) -> Iterator[Any]:
    yield Paragraph(_text(report.title), _style(18, fontName="VeraBd", spaceAfter=4))
    yield Paragraph(_text(report.lead), _style(11, spaceAfter=8))
    if report.details:
        yield _table(Table(("", ""), report.details), heads=False)
    for block in report.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[Any]:
    if isinstance(block, Heading):
        yield Paragraph(
            _text(block.text),
            _style(13, fontName="VeraBd", spaceBefore=12, spaceAfter=4, keepWithNext=1),
        )
    elif isinstance(block, Sentence):
        yield Paragraph(_text(block.text), _style(9, spaceAfter=4))
    elif isinstance(block, Notice):
        yield _notice(block)
    elif isinstance(block, Table):
        yield _table(block, heads=True)
    else:
        yield from _gallery(block)


def _notice(notice: Notice) -> Any:
    box = Cells([[Paragraph(_text(notice.text), _style(9))]], colWidths=[_WIDTH])
    box.setStyle(
        [
            ("LINEBEFORE", (0, 0), (0, -1), 3, colors.HexColor(_BORDERS[notice.mood])),
            ("BACKGROUND", (0, 0), (-1, -1), colors.HexColor("#f4f6f8")),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
        ]
    )
    return KeepTogether([box, Spacer(1, 4)])


def _table(table: Table, *, heads: bool) -> Any:
    """Set a table over the whole width; long cells are broken into lines."""
    right = right_aligned(table)
    styles = [_style(_CELL_SIZE, alignment=2 if side else 0) for side in right]
    rows = [
        [Paragraph(_text(cell), style) for cell, style in zip(row, styles, strict=True)]
        for row in ([table.header] if heads else []) + list(table.rows)
    ]
    cells = Cells(
        rows,
        colWidths=_widths(table),
        repeatRows=int(heads),
        spaceAfter=6,
    )
    cells.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor(RULE)),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return cells


def _widths(table: Table) -> list[float]:
    """Return the columns' widths: what is short stands on one line, the rest is shared."""
    longest = [max(map(len, column)) for column in zip(table.header, *table.rows, strict=True)]
    natural = [letters * _CELL_SIZE * 0.62 + 10 for letters in longest]
    if sum(natural) <= _WIDTH:
        return [width * _WIDTH / sum(natural) for width in natural]
    short = [width if n <= _SHORT_LETTERS else 0 for width, n in zip(natural, longest, strict=True)]
    rest = max(_WIDTH - sum(short), _WIDTH / 3)
    long = sum(width for width, kept in zip(natural, short, strict=True) if not kept) or 1
    widths = [kept or width * rest / long for width, kept in zip(natural, short, strict=True)]
    return [width * _WIDTH / sum(widths) for width in widths]


def _gallery(gallery: Gallery) -> Iterator[Any]:
    figures = [_figure(figure) for figure in gallery.figures]
    for first in range(0, len(figures), 2):
        pair = [*figures[first : first + 2], ""][:2]
        row = Cells([pair], colWidths=[_WIDTH / 2] * 2)
        row.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
        yield row


def _figure(figure: Figure) -> list[Any]:
    parts: list[Any] = [_drawn(figure.picture, _WIDTH / 2 - 8)]
    if figure.caption:
        parts.append(Paragraph(_text(figure.caption), _style(7.5, textColor=colors.HexColor(PALE))))
    return parts


def _drawn(picture: Picture, width: float) -> shapes.Drawing:
    scale = width / picture.width
    drawing = shapes.Drawing(width, picture.height * scale)
    group = shapes.Group(transform=(scale, 0, 0, scale, 0, 0))
    for mark in picture.marks:
        group.add(_mark(mark, picture.height))
    drawing.add(group)
    return drawing


def _mark(mark: Mark, height: float) -> Any:
    """Return a mark as ReportLab draws it, whose origin is at the bottom."""
    if isinstance(mark, Box):
        fill = colors.HexColor(mark.fill)
        shape = shapes.Rect(mark.x, height - mark.y - mark.height, mark.width, mark.height)
        shape.fillColor = colors.Color(fill.red, fill.green, fill.blue, mark.opacity)
        shape.strokeColor = None
        return shape
    if isinstance(mark, Line):
        points = [part for x, y in mark.points for part in (x, height - y)]
        line = shapes.PolyLine(points, strokeColor=colors.HexColor(mark.colour))
        line.strokeWidth = mark.width
        line.strokeDashArray = [3, 3] if mark.dashed else None
        return line
    return shapes.String(
        mark.x,
        height - mark.y,
        _printable(mark.text),
        fontName="VeraBd" if mark.bold else "Vera",
        fontSize=mark.size * 0.9,  # Vera is wider than the web's typefaces
        fillColor=colors.HexColor(mark.colour),
        textAnchor=mark.anchor,
    )


def _text(text: str) -> str:
    """Return a text as a paragraph's markup: everything in it is text."""
    return escape(_printable(text))


def _printable(text: str) -> str:
    """Return a text in signs that the typeface has; others are written as their code point."""
    glyphs = pdfmetrics.getFont("Vera").face.charToGlyph
    return "".join(
        sign if ord(sign) in glyphs else f"[U+{ord(sign):04X}]" for sign in text.replace("→", "to")
    )


def _footer(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont("Vera", 7)
    canvas.setFillColor(colors.HexColor(PALE))
    canvas.drawString(_MARGIN, 9 * mm, _printable(document.title))
    canvas.drawRightString(A4[0] - _MARGIN, 9 * mm, f"{document.page}")
    canvas.restoreState()
