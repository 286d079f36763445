"""The evaluation: each report's groups of metrics as tables, charts and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reportlab.platypus import Flowable, KeepTogether, Table

from modelyard.governance.cards.content import Document
from modelyard.governance.cards.paper import charts, style
from modelyard.governance.cards.paper.bias_sentences import is_bias_group, sentence
from modelyard.governance.cards.paper.blocks import Blocks, number

Metric = Mapping[str, Any]

MAX_CHARTS = 60  # in one document; what is not drawn is still in a table
_MAX_BARS = 24
_DEVIATION = " - standard_deviation"
_SIMPLE = ("number", "string", "boolean")


class Evaluation:
    """Prints `evaluation_details`."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._charts = 0

    def section(self, content: Document) -> list[Flowable]:
        """Return how well the model does."""
        blocks = self._blocks
        made: list[Flowable] = [*blocks.heading("Evaluation")]
        jobs = content.get("evaluation_details", [])
        if not jobs:
            made.append(blocks.text(None))
        for job in jobs:
            made += blocks.heading(job["name"], 2)
            if job.get("evaluation_observation"):
                made.append(blocks.text(job["evaluation_observation"]))
            facts = [
                ("Evaluation job", job.get("evaluation_job_arn")),
                ("Data sets", job.get("datasets")),
                *job.get("metadata", {}).items(),
            ]
            made += blocks.facts([fact for fact in facts if fact[1]])
            groups = job.get("metric_groups", [])
            if not groups:
                made.append(blocks.text(None))
            for group in groups:
                made += self._group(group["name"], group["metric_data"])
        return made

    def _group(self, name: str, metrics: Sequence[Metric]) -> list[Flowable]:
        blocks = self._blocks
        made: list[Flowable] = [*blocks.heading(name.replace("_", " "), 3)]
        simple = [metric for metric in metrics if metric["type"] in _SIMPLE]
        if not metrics:
            made.append(blocks.text(None))
        if simple:
            made += self._simple(name, simple)
        drawn = [metric for metric in metrics if metric["type"] not in _SIMPLE]
        curves = [self._drawing(metric) for metric in drawn if metric["type"] == "linear_graph"]
        for start in range(0, len(curves), 2):
            made.append(_side_by_side(curves[start : start + 2]))
        made += [
            KeepTogether(self._drawing(metric))
            for metric in drawn
            if metric["type"] != "linear_graph"
        ]
        return made

    def _simple(self, name: str, metrics: Sequence[Metric]) -> list[Flowable]:
        numbers = {
            metric["name"]: metric["value"] for metric in metrics if metric["type"] == "number"
        }
        deviations = {
            metric.removesuffix(_DEVIATION): value
            for metric, value in numbers.items()
            if metric.endswith(_DEVIATION) and metric.removesuffix(_DEVIATION) in numbers
        }
        told = [
            metric
            for metric in metrics
            if metric["name"].removesuffix(_DEVIATION) not in deviations
            or not metric["name"].endswith(_DEVIATION)
        ]
        rows = [
            (
                metric["name"].replace("_", " "),
                _written(metric["value"]),
                f"± {number(deviations[metric['name']])}" if metric["name"] in deviations else "",
                self._meaning(name, metric),
            )
            for metric in told
        ]
        columns = [("Metric", 3), ("Value", 1.4), ("Deviation", 1.2), ("What it says", 4)]
        made = self._blocks.table(columns, rows, numbers=(1, 2))
        values = {
            metric["name"]: numbers[metric["name"]] for metric in told if metric["name"] in numbers
        }
        return made + self._bars(name, values, deviations)

    def _meaning(self, group: str, metric: Metric) -> str:
        said = [metric.get("notes") or ""]
        if is_bias_group(group) and metric["type"] == "number":
            said.append(sentence(metric["name"], metric["value"]) or "")
        return ". ".join(text.rstrip(".") for text in said if text) + ("." if any(said) else "")

    def _bars(
        self, group: str, values: Mapping[str, float], deviations: Mapping[str, float]
    ) -> list[Flowable]:
        """Return as bars what one scale can show: contributions to a prediction, or shares."""
        are_contributions = group.startswith("explanations")
        shown = {
            name: value for name, value in values.items() if are_contributions or abs(value) <= 1
        }
        if len(shown) < 2 or not self._may_draw():
            return []
        kept = list(shown)
        if are_contributions or len(shown) > _MAX_BARS:
            kept = sorted(shown, key=lambda name: -abs(shown[name]))[:_MAX_BARS]
        entries = [
            charts.Bar(
                label=self._blocks.typesetter.plain(name.replace("_", " ")),
                value=shown[name],
                deviation=deviations.get(name),
            )
            for name in kept
        ]
        low, high = charts.scale_of([shown[name] for name in kept], fitted=are_contributions)
        made: list[Flowable] = [charts.bars(entries, low=low, high=high)]
        if len(kept) < len(shown):
            made.append(self._blocks.quiet(f"The {len(kept)} largest of {len(shown)} are drawn."))
        return [KeepTogether([*made, self._blocks.gap(6)])]

    def _drawing(self, metric: Metric) -> list[Flowable]:
        """Return a metric that is a drawing under its name, with its notes."""
        blocks, plain = self._blocks, self._blocks.typesetter.plain
        made: list[Flowable] = [blocks.quiet(metric["name"].replace("_", " "))]
        value, x_name, y_name = (
            metric["value"],
            metric.get("x_axis_name"),
            metric.get("y_axis_name"),
        )
        if not self._may_draw():
            made.append(blocks.quiet(f"Not drawn: a document has at most {MAX_CHARTS} charts."))
        elif metric["type"] == "linear_graph":
            x_label = plain(x_name or "").replace("_", " ")
            y_label = plain(y_name or "").replace("_", " ")
            made.append(charts.curve(value, x_name=x_label, y_name=y_label))
        elif metric["type"] == "bar_chart":
            names = [plain(name) for name in x_name or []]
            made.append(charts.columns(value[:_MAX_BARS], names=names, y_name=plain(y_name or "")))
            if len(value) > _MAX_BARS:
                made.append(blocks.quiet(f"The first {_MAX_BARS} of {len(value)} are drawn."))
        else:
            made.append(
                charts.matrix(
                    value,
                    row_names=[plain(name) for name in x_name or []],
                    column_names=[plain(name) for name in y_name or []],
                )
            )
        if metric.get("notes"):
            made.append(blocks.quiet(metric["notes"]))
        return made

    def _may_draw(self) -> bool:
        self._charts += 1
        return self._charts <= MAX_CHARTS


def _side_by_side(drawings: Sequence[list[Flowable]]) -> Flowable:
    half = style.TEXT_WIDTH / 2
    cells: list[object] = [*drawings, *([""] if len(drawings) == 1 else [])]
    return Table(
        [cells],
        colWidths=[half, half],
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ],
    )


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)
