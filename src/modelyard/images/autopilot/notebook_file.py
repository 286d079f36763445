"""Jupyter notebooks, written as what they are: JSON.

Source: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelyard.images.training.files import write_whole


class Notebook:
    """A notebook that grows by a cell at a time."""

    def __init__(self) -> None:
        self._cells: list[dict[str, Any]] = []

    def text(self, markdown: str) -> None:
        """Add a cell of Markdown."""
        self._add({"cell_type": "markdown", "source": _lines(markdown)})

    def code(self, source: str) -> None:
        """Add a cell of Python that was not run yet."""
        self._add(
            {
                "cell_type": "code",
                "source": _lines(source),
                "execution_count": None,
                "outputs": [],
            }
        )

    def write(self, path: Path) -> None:
        """Write the notebook, whole or not at all."""
        document = {
            "cells": self._cells,
            "metadata": {
                "kernelspec": {
                    "display_name": "Python 3",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        write_whole(path, json.dumps(document, indent=1).encode())

    def _add(self, cell: dict[str, Any]) -> None:
        self._cells.append({"id": f"cell-{len(self._cells):03d}", "metadata": {}, **cell})


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    ruler = f"|{'---|' * len(header)}"
    first, *others = (f"| {' | '.join(map(plain, line))} |" for line in [header, *rows])
    return "\n".join([first, ruler, *others])


def plain(text: str) -> str:
    """Return a text that is no markup, whatever data it comes from."""
    for mark in "\\`*_{}[]<>#|":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)
