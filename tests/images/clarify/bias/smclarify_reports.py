"""The reports of smclarify, run in its own environment: frames on standard input, reports out."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pandas as pd
from smclarify.bias import report

logging.disable(logging.CRITICAL)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    frame = pd.DataFrame(question["columns"])
    facet = report.FacetColumn(question["facet"], question["facet_values"])
    label = report.LabelColumn(question["label"], frame[question["label"]], question["positive"])
    group = frame[question["group"]] if question["group"] else None
    found: dict[str, Any] = {}
    for stage in ("PRE_TRAINING", "POST_TRAINING"):
        predicted = None
        if stage == "POST_TRAINING":
            series = frame[question["predicted"]]
            predicted = report.LabelColumn(question["predicted"], series, question["positive"])
        try:
            found[stage] = report.bias_report(
                frame, facet, label, report.StageType[stage], predicted, group_variable=group
            )
        except Exception as error:
            found[stage] = str(error)
    return found


print(json.dumps([answer(question) for question in json.load(sys.stdin)]))
