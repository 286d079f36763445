"""A report as a notebook."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

from modelyard.images.reports import notebook
from tests.images.reports.test_reports import REPORT


def test_a_notebook_has_the_report_in_cells_of_text(tmp_path: Path) -> None:
    notebook.write(REPORT, tmp_path / "report.ipynb")
    document = json.loads((tmp_path / "report.ipynb").read_text(encoding="utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    cells = document["cells"]
    assert {cell["cell_type"] for cell in cells} == {"markdown"}
    assert len({cell["id"] for cell in cells}) == len(cells)
    first, heading, sentence, *_ = (cell["source"] for cell in cells)
    assert first.startswith("# Trial \\<b\\>\n\nAll & nothing.")
    assert heading == "## Words"
    assert sentence == "Żółw, 漢字 and \\<script\\>"


def test_its_pictures_are_files_that_it_carries() -> None:
    *_, gallery = notebook.notebook(REPORT)["cells"]
    shown = re.findall(r"\(attachment:([^)]+)\)", gallery["source"])
    assert shown == list(gallery["attachments"])
    for attached in gallery["attachments"].values():
        picture = ElementTree.fromstring(base64.b64decode(attached["image/svg+xml"]))
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
