"""Why the best candidate says what it says: SHAP values, by column."""

from __future__ import annotations

import json
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from modelyard.images.autopilot import archive
from modelyard.images.autopilot.candidates import Candidate, Journal
from modelyard.images.autopilot.trying import Material
from modelyard.images.reports import Figure, Gallery, Heading, Report, Sentence, Table, charts, html
from modelyard.images.training.files import write_whole

_MOST_ROWS = 500
_MOST_BARS = 15


def explain(folder: Path, material: Material, best: Candidate, journal: Journal) -> None:
    """Write `analysis.json` and `report.html` on what moves a candidate's predictions."""
    shares = importance(material, model_of(journal.archive(best.name)))
    ordered = sorted(shares.items(), key=lambda one: -one[1])
    document = {
        "version": "1.0",
        "explanations": {
            "kernel_shap": {
                "label0": {"global_shap_values": shares, "expected_value": None},
            },
            "method": "SHAP values of the model itself, mean of their sizes, by column",
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "analysis.json", json.dumps(document, indent=1).encode())
    html.write(_report(best, ordered), folder / "report.html")


def importance(material: Material, kept: archive.Kept) -> dict[str, float]:
    """Return by column the mean size of its SHAP values.

    A column's are the sums of its features'.
    """
    held = material.split.held_out
    places = np.random.default_rng(material.problem.seed).permutation(held)[:_MOST_ROWS]
    moved = kept.model.contributions(material.rows.features[places])
    columns = np.array(kept.plan.column_of)
    return {
        name: float(np.abs(moved[:, columns == name].sum(axis=1)).mean())
        for name in dict.fromkeys(kept.plan.column_of)
    }


def model_of(path: Path) -> archive.Kept:
    """Return what an archive of this job's holds."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as packed:
        for member in packed:
            content = packed.extractfile(member)
            if content is not None:
                (Path(folder) / Path(member.name).name).write_bytes(content.read())
        return archive.read(Path(folder))


def _report(best: Candidate, ordered: list[tuple[str, float]]) -> Report:
    first = ordered[0][0] if ordered else "nothing"
    return Report(
        title=f"What moves {best.name}",
        lead=f"{first} moves the predictions the most.",
        details=[("Algorithm", best.algorithm)],
        blocks=[
            Sentence(
                "The mean size of each column's SHAP values, over rows that were held out: how far "
                "it moves a prediction from the mean of all, ahead of the logistic function."
            ),
            Gallery([Figure(charts.bars(charts.Title("mean |SHAP|"), ordered[:_MOST_BARS]))]),
            Heading("All columns"),
            Table(
                header=("column", "mean |SHAP|"),
                rows=[(name, f"{value:.5g}") for name, value in ordered],
            ),
        ],
    )
