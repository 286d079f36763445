"""The report of a job: what was found, as a page, on paper and as a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.clarify.findings import Findings
from modelyard.images.clarify.report.bias_section import bias_blocks, violation_blocks
from modelyard.images.clarify.report.explanation_section import (
    curve_blocks,
    shap_blocks,
    shift_blocks,
)
from modelyard.images.clarify.settings import Monitor
from modelyard.images.reports import Heading, Mood, Notice, Report, html, notebook, paper
from modelyard.images.reports.blocks import Block


def write(
    folder: Path, name: str, config: AnalysisConfig, found: Findings, monitor: Monitor | None
) -> None:
    """Write `<name>.html`, `<name>.pdf` and `<name>.ipynb`."""
    report = Report(
        title=config.report_title,
        lead=_lead(found),
        details=_details(config, found, monitor),
        blocks=list(_blocks(found)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    html.write(report, folder / f"{name}.html")
    paper.write(report, folder / f"{name}.pdf")
    notebook.write(report, folder / f"{name}.ipynb")


def _lead(found: Findings) -> str:
    rows = len(found.subject.table)
    if found.violations:
        count = len(found.violations)
        many = "1 violation" if count == 1 else f"{count} violations"
        return f"{many} of the baseline in {rows:,} rows."
    if found.checked:
        return f"Nothing is worse than at the baseline in {rows:,} rows."
    done = [
        what
        for what, there in (
            ("looked at for bias", found.bias is not None),
            ("explained", found.shap is not None),
            ("drawn as curves", bool(found.curves) and found.shap is None),
        )
        if there
    ]
    return f"{rows:,} rows were {' and '.join(done)}."


def _details(
    config: AnalysisConfig, found: Findings, monitor: Monitor | None
) -> list[tuple[str, str]]:
    told = [
        ("Model", (config.predictor and config.predictor.model) or ""),
        ("Endpoint", (monitor and monitor.endpoint) or ""),
        ("Schedule", (monitor and monitor.schedule) or ""),
        ("Window", monitor.window.strip() if monitor else ""),
        ("Explained by", found.shap.method if found.shap else ""),
    ]
    return [(name, value) for name, value in told if value]


def _blocks(found: Findings) -> Iterator[Block]:
    if found.checked:
        yield Heading("Violations")
        if not found.violations:
            yield Notice("No violations.", mood=Mood.GOOD)
        if found.bias_drift is not None:
            yield from violation_blocks(found.bias_drift)
        if found.shifts:
            yield from shift_blocks(found.shifts)
    for remark in found.subject.remarks:
        yield Notice(remark)
    if found.bias is not None:
        yield from bias_blocks(found.bias, found.bias_drift)
    if found.shap is not None:
        yield from shap_blocks(found.shap)
    if found.curves:
        yield from curve_blocks(found.curves)
