"""The blocks that sections are made of: headings, facts, tables, and what is not stated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Spacer, Table
from reportlab.platypus.tables import LongTable

from modelyard.governance.cards.paper import style
from modelyard.governance.cards.paper.typeface import Typesetter

NOT_STATED = "not stated"

_ROWS_PER_TABLE = 60  # laying out a table takes time that grows faster than its rows
_LABEL_WIDTH = 118


class Blocks:
    """Makes blocks; every text that a person or a program wrote passes the typesetter."""

    def __init__(self, typesetter: Typesetter) -> None:
        self.typesetter = typesetter

    def heading(self, text: str, level: int = 1) -> list[Flowable]:
        """Return a heading; levels 1 to 3. It begins a page rather than end one."""
        look, room = ((style.H1, 110), (style.H2, 90), (style.H3, 64))[level - 1]
        return [CondPageBreak(room), self._paragraph(text, look)]

    def text(self, text: object) -> Flowable:
        """Return a paragraph, which says so where nothing is stated."""
        if text in (None, ""):
            return self.quiet(f"{NOT_STATED.capitalize()}.")
        return self._paragraph(text, style.BODY)

    def quiet(self, text: str) -> Flowable:
        """Return a paragraph in the background."""
        return self._paragraph(text, style.QUIET)

    def lead(self, text: str) -> Flowable:
        """Return a paragraph that introduces."""
        return self._paragraph(text, style.LEAD)

    def title(self, text: str) -> Flowable:
        """Return the document's title."""
        return self._paragraph(text, style.TITLE)

    def eyebrow(self, text: str) -> Flowable:
        """Return the small line above the title."""
        return self._paragraph(text, style.EYEBROW)

    def strong(self, text: str) -> Flowable:
        """Return a line in bold."""
        return self._paragraph(text, style.CELL_HEAD)

    def gap(self, points: float = 6) -> Flowable:
        """Return empty space."""
        return Spacer(1, points)

    def facts(self, facts: Iterable[tuple[str, object]]) -> list[Flowable]:
        """Return labels with their values; a list is one line each."""
        rows = [
            [
                self._paragraph(label, style.LABEL),
                self._value(value),
            ]
            for label, value in facts
        ]
        widths = [_LABEL_WIDTH, style.TEXT_WIDTH - _LABEL_WIDTH]
        return self._tables(rows, widths, head=None)

    def table(
        self,
        columns: Sequence[tuple[str, float]],
        rows: Iterable[Sequence[object]],
        *,
        numbers: Sequence[int] = (),
    ) -> list[Flowable]:
        """Return a table that breaks over pages and repeats its head.

        Args:
            columns: each one's title, and its share of the width.
            numbers: the columns that are set to the right.

        A column in which nothing stands is left out.
        """
        rows = [list(row) for row in rows]
        kept = [
            index for index in range(len(columns)) if any(row[index] != "" for row in rows)
        ]  # a column in which nothing stands only takes room
        columns = [columns[index] for index in kept]
        numbers = [kept.index(index) for index in numbers if index in kept]
        total = sum(share for _, share in columns)
        widths = [style.TEXT_WIDTH * share / total for _, share in columns]
        head = [
            self._paragraph(title, style.NUMBER_HEAD if index in numbers else style.CELL_HEAD)
            for index, (title, _) in enumerate(columns)
        ]
        cells = [
            [
                self._paragraph(value, style.NUMBER if index in numbers else style.CELL)
                for index, value in enumerate(row[column] for column in kept)
            ]
            for row in rows
        ]
        return self._tables(cells, widths, head=head)

    def _value(self, value: object) -> Flowable:
        if value in (None, "", []):
            return self._paragraph(NOT_STATED, style.LABEL)
        if isinstance(value, list):
            return self._paragraph("\n".join(map(str, value)), style.CELL)
        return self._paragraph(value, style.CELL)

    def _tables(
        self, rows: list[list[Flowable]], widths: list[float], *, head: list[Flowable] | None
    ) -> list[Flowable]:
        """Return the rows as tables one below the other, which look like one."""
        if not rows:
            return []
        ruled = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, style.RULE),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 4),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ]
        made: list[Flowable] = []
        for start in range(0, len(rows), _ROWS_PER_TABLE):
            part = rows[start : start + _ROWS_PER_TABLE]
            headed = ruled
            if head is not None and start == 0:
                part = [head, *part]
                headed = [
                    *ruled,
                    ("BACKGROUND", (0, 0), (-1, 0), style.LIGHT),
                    ("LINEBELOW", (0, 0), (-1, 0), 0.8, style.ACCENT),
                ]
            made.append(
                LongTable(
                    part,
                    colWidths=widths,
                    repeatRows=1 if head is not None and start == 0 else 0,
                    style=headed,
                    splitInRow=1,
                )
            )
        made.append(self.gap(4))
        return made

    def _paragraph(self, text: object, look: object) -> Flowable:
        return Paragraph(self.typesetter.markup(text), look)


def boxed(flowables: list[Flowable]) -> Flowable:
    """Return blocks on a tinted ground, with a rule at the left."""
    return Table(
        [[flowables]],
        colWidths=[style.TEXT_WIDTH],
        style=[
            ("BACKGROUND", (0, 0), (-1, -1), style.LIGHT),
            ("LINEBEFORE", (0, 0), (0, -1), 3, style.ACCENT),
            ("LEFTPADDING", (0, 0), (-1, -1), 12),
            ("RIGHTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 8),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ],
    )


def number(value: float) -> str:
    """Return a number as it is printed: six digits that count."""
    return format(value, ".6g")
