"""The sagemaker SDK v2's Clarify processor and monitors ask a model that was trained here."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.clients.test_sagemaker_v2 import run_script
from tests.images.clarify.datasets import adult
from tests.live import LiveServer

ROWS = 1500
FEATURES = ["age", "education-num", "hours-per-week", "capital-gain", "sex"]
PRE_TRAINING = {"CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"}
POST_TRAINING = {
    *("DPPL", "DI", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "CDDPL", "TE", "FT", "GE")
}
REPORT = {"analysis.json", "analysis_config.json", "report.html", "report.ipynb", "report.pdf"}
LOCAL, BASELINE = "explanations_shap/out.csv", "explanations_shap/baseline.csv"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def said(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK's calls came to."""
    folder = tmp_path_factory.mktemp("clarify")
    census = adult().sample(ROWS, seed=3)
    male = (pl.col("sex") == "Male").cast(pl.Int8)
    census.select("income", *FEATURES[:-1], sex=male).write_csv(folder / "census.csv")
    return run_script(server, folder, "sagemaker_v2_clarify.py", folder / "census.csv")


def metrics(analysis: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return a facet's figures by the metric's name."""
    [facet] = analysis[f"{stage}_bias_metrics"]["facets"]["sex"]
    return {metric["name"]: metric["value"] for metric in facet["metrics"]}


def test_bias_of_data_and_of_the_models_answers(said: dict[str, Any]) -> None:
    analysis = said["analyses"]["bias"]
    assert set(metrics(analysis, "pre_training")) == PRE_TRAINING
    found = metrics(analysis, "post_training")
    assert set(found) == POST_TRAINING
    assert set(said["files"]["bias"]) == REPORT
    # Women are predicted to earn much more seldom than men are, as the census has it.
    assert 0.1 < found["DPPL"] < 0.5
    assert found["DI"] < 0.5


def test_predictions_are_explained_against_a_baseline_in_a_bucket(said: dict[str, Any]) -> None:
    assert set(said["files"]["explained"]) == REPORT | {LOCAL, BASELINE}
    assert said["local"]["rows"] == ROWS
    assert said["local"]["header"].split(",") == [f"{name}_label0" for name in FEATURES]
    header, row = said["baseline"].splitlines()
    assert header.split(",") == FEATURES
    assert row.split(",") == said["first"]
    explanations = said["analyses"]["explained"]["explanations"]
    weights = explanations["kernel_shap"]["label0"]["global_shap_values"]
    assert all(weight > 0 for weight in weights.values())
    [curve] = explanations["pdp"]
    assert curve["feature_name"] == "age"
    assert len(curve["feature_values"]) == 5


def test_trees_explain_themselves_where_no_baseline_is_given(said: dict[str, Any]) -> None:
    assert set(said["files"]["both"]) == REPORT | {LOCAL}
    analysis = said["analyses"]["both"]
    # The model is the same one, asked again.
    bias = said["analyses"]["bias"]
    assert metrics(analysis, "post_training") == metrics(bias, "post_training")
    weights = analysis["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert max(weights, key=weights.get) in ("age", "education-num")


def test_monitors_suggest_baselines_of_bias_and_attribution(said: dict[str, Any]) -> None:
    bias = said["analyses"]["bias"]
    suggested = said["suggested"]["bias"]
    assert metrics(suggested, "post_training") == metrics(bias, "post_training")
    explained = said["suggested"]["explained"]["explanations"]["kernel_shap"]["label0"]
    assert set(explained["global_shap_values"]) == set(FEATURES)
