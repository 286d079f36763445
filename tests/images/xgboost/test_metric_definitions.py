from __future__ import annotations

import re
import subprocess
import sys

import pytest

from modelyard.images.xgboost.metric_definitions import METRIC_DEFINITIONS, is_maximised

DEFINITIONS = dict(METRIC_DEFINITIONS)
LINE = "[12]\ttrain-auc:0.99000\ttrain-error:0.01\tvalidation-auc:0.98123\tvalidation-error:nan"


@pytest.mark.parametrize("line", [LINE, LINE.replace("\t", "#011"), f"algo-1 | {LINE}"])
def test_a_metric_is_found_in_a_line_with_tabs_or_as_cloudwatch_shows_it(line: str) -> None:
    found = re.search(DEFINITIONS["validation:auc"], line)
    assert found is not None
    assert found[1].split("#011")[0] == "0.98123"


def test_a_metric_is_not_mistaken_for_one_whose_name_begins_alike() -> None:
    assert re.search(DEFINITIONS["validation:auc"], "[0]\tvalidation-aucpr:0.9") is None
    assert re.search(DEFINITIONS["train:f1"], "[0]\ttrain-f1_macro:0.9") is None


def test_a_line_that_is_no_evaluation_has_no_metric() -> None:
    line = "[2026-01-01:00:00:00:INFO] Validation matrix has 7 rows"
    assert not [name for name, regex in METRIC_DEFINITIONS if re.search(regex, line)]


@pytest.mark.parametrize(
    ("metric", "more_is_better"),
    [("auc", True), ("ndcg@10-", True), ("f1_macro", True), ("rmse", False), ("error@0.7", False)],
)
def test_a_metric_has_a_direction_whatever_its_threshold(metric: str, more_is_better: bool) -> None:
    assert is_maximised(metric) is more_is_better


def test_the_definitions_can_be_had_without_numpy_or_xgboost() -> None:
    program = (
        "import sys, modelyard.images.xgboost.metric_definitions;"
        "sys.exit(bool({'numpy', 'xgboost', 'polars'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
