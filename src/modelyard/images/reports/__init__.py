"""Reports of analyses, as a web page and on paper, from one description.

A report is a title, a lead and blocks: headings, sentences, notices, tables and galleries of
pictures. Pictures are drawn once, as marks, so both forms show the same. The page needs nothing
from outside of itself.

    report = Report(title="Data quality", lead="2 of 14 columns left their baseline.", blocks=[
        Heading("Violations"),
        Notice("age: the values have moved.", mood=Mood.BAD),
        Gallery([Figure(charts.two_histograms(...), caption="age")]),
    ])
    html.write(report, folder / "report.html")
    paper.write(report, folder / "report.pdf")
"""

from modelyard.images.reports.blocks import (
    Figure,
    Gallery,
    Heading,
    Mood,
    Notice,
    Report,
    Sentence,
    Table,
)

__all__ = ["Figure", "Gallery", "Heading", "Mood", "Notice", "Report", "Sentence", "Table"]
