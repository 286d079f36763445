"""The drift check: worse than the baseline, beyond what chance does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from modelyard.images.clarify.bias.analysis import METRICS, Facet, FacetResult, Question, analyse
from modelyard.images.clarify.bias.drift import Baseline, DriftCheck, check
from modelyard.images.clarify.bias.metric import Stage
from modelyard.images.clarify.bias_question import BiasResult
from modelyard.images.clarify.results import analysis
from modelyard.images.processing.errors import ClientError

EVERY = {stage: [metric.name for metric in metrics] for stage, metrics in METRICS.items()}


def window(rows: int, *, seed: int, accepted: float = 0.4) -> list[FacetResult]:
    """People of two kinds, of whom the facet is accepted at a rate; the rest at 0.5."""
    rng = np.random.default_rng(seed)
    facet = rng.random(rows) < 0.3
    label = rng.random(rows) < np.where(facet, 0.4, 0.5)
    right = rng.random(rows) < 0.8
    predicted = np.where(right, label, ~label)
    if accepted != 0.4:
        predicted = np.where(facet, rng.random(rows) < accepted, predicted)
    column = pl.Series("sex", np.where(facet, "f", "m"))
    question = Question(
        label=label,
        predicted=predicted,
        facets=[Facet(name="sex", column=column, values=["f"])],
        group=None,
        features=pl.DataFrame(),
        methods=EVERY,
    )
    return analyse(question, seed=seed)


def baseline(results: list[FacetResult]) -> Baseline:
    found = BiasResult(
        label="y", positive="1", given="1", stages=tuple(Stage), facets=results, rows=0, left_out=0
    )
    return Baseline(json.loads(json.dumps(analysis(found, None, []))))


def given(value: Any, name: str = "DPPL", text: str = "f") -> Baseline:
    entry = {"value_or_threshold": text, "metrics": [{"name": name, "value": value}]}
    return Baseline({"post_training_bias_metrics": {"label": "y", "facets": {"sex": [entry]}}})


def names(found: DriftCheck) -> set[str]:
    return {violation.finding.metric.name for violation in found.violations}


def test_nothing_is_found_in_fifty_windows_in_which_nothing_has_changed() -> None:
    before = baseline(window(4000, seed=1000))
    found = [names(check(window(800, seed=seed), before, confidence=0.99)) for seed in range(50)]
    # At most one run in a hundred may raise a false alarm; of fifty, hardly two.
    assert sum(bool(alarms) for alarms in found) <= 1


def test_a_facet_that_is_no_longer_accepted_is_found_in_every_window() -> None:
    before = baseline(window(4000, seed=1000))
    for seed in range(10):
        found = check(window(800, seed=seed, accepted=0.05), before, confidence=0.99)
        assert {"DPPL", "DI"} <= names(found)
        assert not {"CI", "DPL", "JS"} & names(found)  # of the data, which are as they were


def test_a_value_nearer_to_no_bias_than_the_baseline_is_no_violation() -> None:
    results = window(2000, seed=3, accepted=0.15)
    assert check(results, given(0.9), confidence=0.99).violations == []
    # To the other side it is as far away as to this one.
    assert check(results, given(-0.9), confidence=0.99).violations == []
    assert len(check(results, given(0.0), confidence=0.99).violations) == 1


def test_disparate_impact_is_measured_from_one() -> None:
    results = window(2000, seed=3, accepted=0.15)
    assert names(check(results, given(1.0, "DI"), confidence=0.99)) == {"DI"}
    assert names(check(results, given(0.2, "DI"), confidence=0.99)) == set()
    assert names(check(results, given("Infinity", "DI"), confidence=0.99)) == set()


def test_a_violation_says_how_much_and_begins_as_the_reference_does() -> None:
    (found,) = check(window(2000, seed=3, accepted=0.1), given(0.02), confidence=0.95).violations
    entry = found.document()
    assert entry["facet"] == "sex"
    assert entry["facet_value"] == "f"
    assert entry["metric_name"] == "DPPL"
    assert entry["constraint_check_type"] == "bias_drift_check"
    value = found.finding.value
    start = f"Value {value} does not meet the constraint requirement: the baseline is 0.02, and the"
    assert entry["description"].startswith(start)


def test_too_few_rows_decide_nothing_and_say_so() -> None:
    found = check(window(30, seed=1, accepted=0.0), given(0.0), confidence=0.5)
    assert found.violations == []
    assert "are too few to judge by, at least 20 are needed" in found.remarks[0]


def test_metrics_and_facets_that_the_baseline_does_not_have_are_not_checked() -> None:
    results = window(1000, seed=1)
    assert check(results, given(None), confidence=0.99).checked == 0
    assert check(results, given(0.1, text="other"), confidence=0.99).checked == 0
    assert check(results, Baseline({}), confidence=0.99).checked == 0


def test_of_an_interval_only_the_threshold_counts() -> None:
    entry = {"value_or_threshold": "(40, 90]", "metrics": [{"name": "CI", "value": 0.5}]}
    found = Baseline({"pre_training_bias_metrics": {"facets": {"age": [entry]}}})
    assert found.metric(Stage.PRE_TRAINING, "age", "(40.0, 71.0]", "CI") is not None
    assert found.metric(Stage.PRE_TRAINING, "age", "(41, 90]", "CI") is None


def test_a_whole_number_is_the_same_value_whatever_its_type() -> None:
    entry = {"value_or_threshold": "1", "metrics": [{"name": "CI", "value": 0.5}]}
    found = Baseline({"pre_training_bias_metrics": {"facets": {"sex": [entry]}}})
    assert found.metric(Stage.PRE_TRAINING, "sex", "1.0", "CI") is not None
    assert found.metric(Stage.PRE_TRAINING, "sex", "2", "CI") is None


def test_a_baseline_that_is_not_there_or_is_no_analysis_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="There is no baseline at"):
        Baseline.read(tmp_path)
    (tmp_path / "analysis.json").write_text("[1")
    with pytest.raises(ClientError, match=r"The baseline analysis\.json is not JSON"):
        Baseline.read(tmp_path)
    (tmp_path / "analysis.json").write_text("[]")
    with pytest.raises(ClientError, match="must hold a JSON object"):
        Baseline.read(tmp_path)
