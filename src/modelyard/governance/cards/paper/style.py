"""How the document looks: its page, colours and paragraph styles. Lengths are points."""

from __future__ import annotations

from collections.abc import Mapping

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm

from modelyard.governance.cards.paper.typeface import BOLD, REGULAR

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 20 * mm
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN

INK = HexColor("#1b2733")
MUTED = HexColor("#5f6f80")
ACCENT = HexColor("#1f4e79")
LIGHT = HexColor("#eef2f6")
RULE = HexColor("#ccd5de")
SERIES = HexColor("#2f6fab")
OPPOSITE = HexColor("#c0652a")
WHITE = HexColor("#ffffff")

_GREEN, _AMBER, _RED, _GREY = map(HexColor, ("#2e7d4f", "#b26a00", "#b3261e", "#6b7785"))

STATUS_COLOURS: Mapping[str, Color] = {
    "Draft": _GREY,
    "PendingReview": _AMBER,
    "Approved": _GREEN,
    "Archived": INK,
}
RISK_COLOURS: Mapping[str, Color] = {"High": _RED, "Medium": _AMBER, "Low": _GREEN}
UNKNOWN_COLOUR = _GREY

BODY = ParagraphStyle(
    "body", fontName=REGULAR, fontSize=9, leading=13, textColor=INK, spaceAfter=4, splitLongWords=1
)
QUIET = ParagraphStyle("quiet", parent=BODY, textColor=MUTED, fontSize=8.5, leading=12)
CELL = ParagraphStyle("cell", parent=BODY, fontSize=8.5, leading=11.5, spaceAfter=0)
NUMBER = ParagraphStyle("number", parent=CELL, alignment=TA_RIGHT)
CELL_HEAD = ParagraphStyle("cell head", parent=CELL, fontName=BOLD, textColor=ACCENT)
NUMBER_HEAD = ParagraphStyle("number head", parent=CELL_HEAD, alignment=TA_RIGHT)
LABEL = ParagraphStyle("label", parent=CELL, textColor=MUTED)
H1 = ParagraphStyle(
    "h1",
    parent=BODY,
    fontName=BOLD,
    fontSize=15,
    leading=19,
    textColor=ACCENT,
    spaceBefore=16,
    spaceAfter=7,
)
H2 = ParagraphStyle(
    "h2", parent=H1, fontSize=11, leading=14.5, textColor=INK, spaceBefore=10, spaceAfter=4
)
H3 = ParagraphStyle(
    "h3", parent=H2, fontSize=9, leading=12.5, textColor=MUTED, spaceBefore=8, spaceAfter=3
)
TITLE = ParagraphStyle("title", parent=BODY, fontName=BOLD, fontSize=27, leading=33, spaceAfter=8)
LEAD = ParagraphStyle("lead", parent=BODY, fontSize=11, leading=16, textColor=MUTED, spaceAfter=10)
EYEBROW = ParagraphStyle("eyebrow", parent=BODY, fontName=BOLD, fontSize=9.5, textColor=ACCENT)
