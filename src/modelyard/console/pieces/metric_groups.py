"""Groups of metrics, as reports and model cards hold them: numbers, curves, matrices, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import htpy as h

from modelyard.console.pieces.charts import Line, bars, line_chart, number

_SHAP = "global_shap_values"
_DEVIATION = " - standard_deviation"


def metric_group(group: Mapping[str, Any]) -> h.Node:
    """Return one group: numbers as a table (SHAP values as bars), all else drawn."""
    metrics = group.get("metric_data", [])
    plain = [one for one in metrics if one.get("type") in ("number", "string", "boolean")]
    drawn = [one for one in metrics if one not in plain]
    return h.div(".metric-group")[
        h.h3[str(group.get("name", "")).replace("_", " ")],
        plain and _numbers(str(group.get("name", "")), plain),
        h.div(".panels")[
            [h.div[h.h3[one["name"].replace("_", " ")], _drawn(one)] for one in drawn]
        ],
    ]


def headline(groups: Sequence[Mapping[str, Any]], most: int = 6) -> list[tuple[str, float]]:
    """Return the first numbers of some groups, without deviations."""
    found = [
        (str(one["name"]), float(one["value"]))
        for group in groups
        for one in group.get("metric_data", [])
        if one.get("type") == "number" and not str(one["name"]).endswith(_DEVIATION)
    ]
    return found[:most]


def _numbers(name: str, metrics: Sequence[Mapping[str, Any]]) -> h.Node:
    if _SHAP in name:
        return bars([(one["name"], float(one["value"])) for one in metrics], title=name)
    deviations = {
        one["name"].removesuffix(_DEVIATION): one["value"]
        for one in metrics
        if one["name"].endswith(_DEVIATION)
    }
    return h.table(".small")[
        h.caption(".unseen")[name],
        h.thead[h.tr[h.th(scope="col")["Metric"], h.th(".number", scope="col")["Value"]]],
        h.tbody[
            [
                h.tr[
                    h.th(scope="row")[
                        one["name"].replace("_", " "),
                        one.get("notes") and h.div(".muted")[one["notes"]],
                    ],
                    h.td(".number")[
                        number(one["value"]),
                        one["name"] in deviations
                        and h.span(".muted")[f" ± {number(deviations[one['name']])}"],
                    ],
                ]
                for one in metrics
                if not one["name"].endswith(_DEVIATION)
            ]
        ],
    ]


def _drawn(metric: Mapping[str, Any]) -> h.Node:
    value = metric["value"]
    if metric["type"] == "linear_graph":
        line = Line(name=str(metric.get("y_axis_name", "")), points=[(x, y) for x, y in value])
        return line_chart([line], title=metric["name"], x_name=str(metric.get("x_axis_name", "")))
    if metric["type"] == "bar_chart":
        names = metric.get("x_axis_name", [])
        return bars(list(zip(map(str, names), value, strict=False)), title=metric["name"])
    if metric["type"] == "matrix":
        return _matrix(metric)
    return h.p[str(value)]


def _matrix(metric: Mapping[str, Any]) -> h.Node:
    columns = metric.get("y_axis_name", [])
    return h.table(".small")[
        h.caption(".unseen")[metric["name"]],
        h.thead[
            h.tr[
                h.th(scope="col")["actual \\ predicted"],
                [h.th(".number", scope="col")[str(name)] for name in columns],
            ]
        ],
        h.tbody[
            [
                h.tr[
                    h.th(scope="row")[str(name)],
                    [h.td(".number")[number(cell)] for cell in row],
                ]
                for name, row in zip(metric.get("x_axis_name", []), metric["value"], strict=False)
            ]
        ],
    ]
