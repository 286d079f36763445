"""The data exploration: what is in the table, as a web page and as a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from modelyard.images.autopilot.columns import Column, numbers_of
from modelyard.images.autopilot.material import Analysis
from modelyard.images.autopilot.notebook_file import Notebook, plain, table
from modelyard.images.autopilot.trying import Material
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
)

NOTEBOOK = "SageMakerAutopilotDataExplorationNotebook.ipynb"  # as clients look for it
PAGE = "data-exploration.html"
_BINS = 24
_MOST_CHARTS = 40
_ALARMING_SHARE = 0.3
_WORDS = {"numeric": "number", "category": "category", "date": "date", "text": "text"}


def write_exploration(
    folder: Path, found: Analysis, material: Material, objective: str, data_uri: str
) -> None:
    """Write the page and the notebook into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    html.write(_report(found, material, objective), folder / PAGE)
    _notebook(found, material, objective, data_uri).write(folder / NOTEBOOK)


def notices(found: Analysis) -> list[tuple[str, Mood]]:
    """Return what somebody should look at ahead of trusting a model of these data."""
    said: list[tuple[str, Mood]] = []
    if found.without_target:
        said.append((f"{found.without_target} rows have no target and are left out.", Mood.PLAIN))
    for column in found.columns:
        if column.kind == "dropped":
            said.append((f"{column.name} is not learnt from: {column.why}.", Mood.PLAIN))
        elif column.missing > _ALARMING_SHARE * column.rows:
            share = column.missing / column.rows
            said.append((f"{column.name}: {share:.0%} of the values are missing.", Mood.BAD))
        if column.unreadable:
            kind = _WORDS.get(column.kind, column.kind)
            said.append(
                (f"{column.name}: {column.unreadable} values are no {kind}, and missing.", Mood.BAD)
            )
    return [*said, *_imbalance(found)]


def _imbalance(found: Analysis) -> list[tuple[str, Mood]]:
    counts = _label_counts(found)
    total = sum(count for _, count in counts)
    return [
        (f"Only {count} of {total} rows are of the class {name!r}.", Mood.BAD)
        for name, count in counts
        if count < max(20, 0.01 * total)
    ][:10]


def _report(found: Analysis, material: Material, objective: str) -> Report:
    target = found.target
    return Report(
        title="Data exploration",
        lead=f"{target.problem_type}, since {target.why}. Candidates are compared by {objective}.",
        details=_details(found, material),
        blocks=[
            *(Notice(text, mood=mood) for text, mood in notices(found)),
            Heading("Columns"),
            Table(header=_HEADER, rows=[_row(column) for column in found.columns]),
            Heading("Features"),
            Sentence(
                f"{len(material.plan.names)} features are made of {len(material.plan.sources)} "
                "columns; a value that is missing, or a category that was never seen, stays "
                "missing, and the models know what that means."
            ),
            Heading("Distributions"),
            Gallery(
                [
                    _target_figure(found),
                    *(
                        _figure(found.table[column.name], column)
                        for column in found.columns[:_MOST_CHARTS]
                        if column.kind in ("numeric", "category")
                    ),
                ]
            ),
        ],
    )


def _details(found: Analysis, material: Material) -> list[tuple[str, str]]:
    return [
        ("Target", found.target.name),
        ("Rows", str(found.table.height)),
        ("Columns", str(len(found.columns))),
        ("Judged by", material.split.said),
    ]


_HEADER = ("column", "kind", "why", "missing", "different", "mean", "min", "max", "most frequent")


def _row(column: Column) -> Sequence[str]:
    numbers = column.numbers
    shown = [f"{numbers[name]:.4g}" if name in numbers else "–" for name in ("mean", "min", "max")]
    frequent = ", ".join(f"{value[:20]} ({count})" for value, count in column.top[:3])
    return (
        column.name,
        column.kind,
        column.why,
        f"{column.missing / column.rows:.1%}",
        str(column.distinct),
        *shown,
        frequent if column.kind != "numeric" else "–",
    )


def _target_figure(found: Analysis) -> Figure:
    title = charts.Title(f"{found.target.name} (target)")
    counts = _label_counts(found)
    if counts:
        total = sum(count for _, count in counts)
        shares = {name: count / total for name, count in counts}
        return Figure(charts.two_bars(title, None, shares), caption="share of each class")
    return _histogram(title, found.target.encode(found.table[found.target.name]))


def _label_counts(found: Analysis) -> list[tuple[str, int]]:
    labels = found.target.labels
    numbers = found.target.encode(found.table[found.target.name])
    return [(name, int((numbers == at).sum())) for at, name in enumerate(labels)]


def _figure(texts: pl.Series, column: Column) -> Figure:
    title = charts.Title(column.name, note=column.kind)
    if column.kind == "numeric":
        return _histogram(title, numbers_of(texts).drop_nulls().to_numpy())
    present = max(1, column.rows - column.missing)
    shares = {name: count / present for name, count in column.top}
    return Figure(charts.two_bars(title, None, shares))


def _histogram(title: charts.Title, values: np.ndarray) -> Figure:
    counts, edges = np.histogram(values.astype(np.float64), bins=_BINS)
    shares = (counts / max(1, counts.sum())).tolist()
    return Figure(charts.two_histograms(title, edges.tolist(), None, shares))


def _notebook(found: Analysis, material: Material, objective: str, data_uri: str) -> Notebook:
    target = found.target
    book = Notebook()
    book.text(
        f"# Data exploration\n\n**{target.problem_type}**: {plain(target.why)}. "
        f"Candidates are compared by **{objective}**; {material.split.said}."
    )
    book.text(table(("", ""), _details(found, material)))
    said = notices(found)
    if said:
        book.text("## What to look at\n\n" + "\n".join(f"- {plain(text)}" for text, _ in said))
    book.text("## Columns\n\n" + table(_HEADER, [_row(column) for column in found.columns]))
    book.text("## The data\n\nSet `AUTOPILOT_DATA` to a folder to use files of your own.")
    book.code(
        f"from modelyard.images.autopilot.workbench import Workbench\n\n"
        f"bench = Workbench(data={data_uri!r}, target={target.name!r}, "
        f"problem_type={target.problem_type!r})\n"
        f"bench.table.head()"
    )
    book.code("bench.table.describe()")
    book.code(
        "# How the target goes with each category of a column\n"
        f"column = {_first_category(found)!r}\n"
        f"bench.table.group_by(column, {target.name!r}).len().sort('len', descending=True)"
    )
    return book


def _first_category(found: Analysis) -> str:
    kinds = {column.kind: column.name for column in reversed(found.columns)}
    return kinds.get("category") or found.columns[0].name
