from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from modelyard.images.reports import (
    Figure,
    Gallery,
    Heading,
    Mood,
    Notice,
    Report,
    Sentence,
    Table,
    charts,
    html,
    paper,
)
from modelyard.images.reports.pictures import Box, number

REPORT = Report(
    title="Trial <b>",
    lead="All & nothing.",
    details=[("Endpoint", "shop")],
    blocks=[
        Heading("Words"),
        Sentence("Żółw, 漢字 and <script>"),
        Notice("Beware.", Mood.BAD),
        Table(("name", "count"), [("x" * 200, "1"), ("b", "–")]),
        Gallery(
            [
                Figure(charts.two_histograms(charts.Title("age"), [0, 1, 2], [0.5, 0.5], [1, 0])),
                Figure(
                    charts.two_bars(charts.Title("job"), {"a": 1.0}, {"b": 1.0}), "Now and then."
                ),
                Figure(charts.bars(charts.Title("bias"), [("CI", -0.5), ("DPL", 0.25)])),
                Figure(charts.curve(charts.Title("roc"), [(0, 0), (1, 1)], axes=("x", "y"))),
                Figure(charts.grid(charts.Title("confusion"), ["0", "1"], [[5, 1], [2, 7]])),
            ]
        ),
    ],
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_asks_nothing_of_anybody() -> None:
    page = html.page(REPORT)
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.seen.isdisjoint({"script", "link", "img", "iframe"})
    assert re.findall(r"https?:|url\(|src=", page) == []
    assert "Trial &lt;b&gt;" in page
    assert page.count("<svg") == 5


def test_paper_is_pdf_and_the_same_every_time(tmp_path: Path) -> None:
    paper.write(REPORT, tmp_path / "a.pdf")
    paper.write(REPORT, tmp_path / "b.pdf")
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content == (tmp_path / "b.pdf").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.pdf", "b.pdf"}


def test_a_category_that_is_new_is_always_drawn() -> None:
    then = {f"old {index}": 0.1 for index in range(10)}
    picture = charts.two_bars(charts.Title("job"), then, {**then, "new": 0.001})
    texts = [mark.text for mark in picture.marks if hasattr(mark, "text")]
    assert "new" in texts
    assert "4 others" in texts


def test_marks_stay_within_their_picture() -> None:
    for figure in REPORT.blocks[-1].figures:  # type: ignore[union-attr]
        for mark in figure.picture.marks:
            if isinstance(mark, Box):
                assert -1 <= mark.y <= mark.y + mark.height <= figure.picture.height + 1


def test_numbers_are_written_for_people() -> None:
    written = [number(value) for value in (0, 0.12345, 1234.5, 12345678, 1e-7, -3)]
    assert written == ["0", "0.1235", "1234", "1.23e7", "1.00e-7", "-3"]
