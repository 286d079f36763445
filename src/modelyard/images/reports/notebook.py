"""A report as a notebook: cells of text and pictures, with nothing to run.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html, version 4.5. Pictures are
attachments of their cells, which viewers show without trusting the notebook.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from modelyard.images.reports import svg
from modelyard.images.reports.blocks import (
    Block,
    Gallery,
    Heading,
    Notice,
    Report,
    Sentence,
    Table,
    right_aligned,
)

_MARKUP = "\\`*_{}[]<>#|~$"  # what Markdown, or the mathematics in it, would read otherwise
_SVG = "image/svg+xml"


def write(report: Report, path: Path) -> None:
    """Write the notebook, whole or not at all."""
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(json.dumps(notebook(report), ensure_ascii=False, indent=1), encoding="utf-8")
    aside.replace(path)


def notebook(report: Report) -> dict[str, Any]:
    """Return the notebook's document."""
    details = [f"* **{_plain(name)}**: {_plain(value)}" for name, value in report.details]
    first = "\n".join([f"# {_plain(report.title)}", "", _plain(report.lead), "", *details])
    cells = [(first, {}), *map(_cell, report.blocks)]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {
                "cell_type": "markdown",
                "id": f"cell-{number}",
                "metadata": {},
                "source": text,
                **({"attachments": attached} if attached else {}),
            }
            for number, (text, attached) in enumerate(cells)
        ],
    }


def _cell(block: Block) -> tuple[str, dict[str, Any]]:
    if isinstance(block, Heading):
        return f"## {_plain(block.text)}", {}
    if isinstance(block, Sentence):
        return _plain(block.text), {}
    if isinstance(block, Notice):
        return f"> **{_plain(block.text)}**", {}
    if isinstance(block, Table):
        return "\n".join(_table(block)), {}
    return _pictures(block)


def _table(table: Table) -> Iterable[str]:
    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(map(_plain, cells))} |"

    yield row(table.header)
    yield f"|{'|'.join('---:' if right else '---' for right in right_aligned(table))}|"
    yield from map(row, table.rows)


def _pictures(gallery: Gallery) -> tuple[str, dict[str, Any]]:
    text, attached = [], {}
    for number, figure in enumerate(gallery.figures):
        name = f"picture-{number}.svg"
        attached[name] = {_SVG: base64.b64encode(svg.file(figure.picture)).decode()}
        text += [f"![{_plain(figure.picture.said)}](attachment:{name})", _plain(figure.caption)]
    return "\n\n".join(filter(None, text)), attached


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    escaped = "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in text)
    return " ".join(escaped.split())
