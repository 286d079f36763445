"""The document as a whole: its sections on pages, each with a header and its number."""

from __future__ import annotations

import io
import threading

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageBreak, PageTemplate

from modelyard.governance.cards.paper import sections, style
from modelyard.governance.cards.paper.blocks import Blocks
from modelyard.governance.cards.paper.card import PrintedCard
from modelyard.governance.cards.paper.evaluation import Evaluation
from modelyard.governance.cards.paper.title_page import title_page
from modelyard.governance.cards.paper.typeface import BOLD, REGULAR, Typesetter, shortened

_MAX_LACKED = 40  # characters named on the last page

#: One at a time: the printer's fonts are global, and a document takes a processor for itself.
_printing = threading.Lock()


def render(card: PrintedCard) -> bytes:
    """Return a card as a PDF; the same card gives the same bytes. Blocking."""
    with _printing:
        typesetter = Typesetter()
        blocks = Blocks(typesetter)
        content = card.content
        story: list[Flowable] = [
            *title_page(blocks, card),
            PageBreak(),
            *sections.overview(blocks, content),
            *sections.intended_use(blocks, content),
            *sections.training(blocks, content),
            *Evaluation(blocks).section(content),
            *sections.considerations(blocks, content),
            *sections.approvals(blocks, card),
            *_colophon(blocks, typesetter),
        ]
        file = io.BytesIO()
        _template(file, card, typesetter).build(story, canvasmaker=_canvas_of(card, typesetter))
        return file.getvalue()


def _colophon(blocks: Blocks, typesetter: Typesetter) -> list[Flowable]:
    """Return a word on the characters that could not be set, if there were any."""
    if not typesetter.lacked:
        return []
    named = sorted(typesetter.lacked)[:_MAX_LACKED]
    points = ", ".join(f"U+{ord(character):04X}" for character in named)
    more = len(typesetter.lacked) - len(named)
    return [
        *blocks.heading("Characters", 2),
        blocks.quiet(
            "This document's typeface lacks some characters of the card's texts; they stand as "
            f"their code points: {points}{f' and {more} more' if more else ''}."
        ),
    ]


def _template(file: io.BytesIO, card: PrintedCard, typesetter: Typesetter) -> BaseDocTemplate:
    template = BaseDocTemplate(
        file,
        pagesize=(style.PAGE_WIDTH, style.PAGE_HEIGHT),
        title=typesetter.plain(f"Model card {card.name}, version {card.version}"),
        author=typesetter.plain(card.created_by),
        subject=f"Content SHA-256 {card.sha256}",
        creator="Modelyard",
        invariant=1,
    )
    frame = Frame(
        style.MARGIN,
        style.MARGIN,
        style.TEXT_WIDTH,
        style.PAGE_HEIGHT - 2 * style.MARGIN,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    template.addPageTemplates([PageTemplate(frames=[frame])])
    return template


def _canvas_of(card: PrintedCard, typesetter: Typesetter) -> type[Canvas]:
    """Return a canvas that keeps its pages until it knows how many there are."""
    heading = typesetter.plain(f"{card.name} · version {card.version} · {card.status}")

    class NumberedCanvas(Canvas):  # type: ignore[misc]
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            self._pages: list[dict[str, object]] = []

        def showPage(self) -> None:  # noqa: N802 - the printer's own name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                self._furnish(number, len(self._pages))
                super().showPage()
            super().save()

        def _furnish(self, number: int, total: int) -> None:
            left, right = style.MARGIN, style.PAGE_WIDTH - style.MARGIN
            foot = style.MARGIN - 22
            self.setFont(REGULAR, 7.5)
            self.setFillColor(style.MUTED)
            self.drawString(left, foot, f"SHA-256 {card.sha256}")
            self.drawRightString(right, foot, f"Page {number} of {total}")
            if number == 1:
                self.setFillColor(style.ACCENT)
                self.rect(0, style.PAGE_HEIGHT - 12, style.PAGE_WIDTH, 12, stroke=0, fill=1)
                return
            head = style.PAGE_HEIGHT - style.MARGIN + 16
            self.drawString(left, head, shortened(heading, 7.5, style.TEXT_WIDTH - 90))
            self.setFont(BOLD, 7.5)
            self.setFillColor(style.ACCENT)
            self.drawRightString(right, head, "MODEL CARD")
            self.setStrokeColor(style.RULE)
            self.setLineWidth(0.5)
            self.line(left, head - 6, right, head - 6)

    return NumberedCanvas
