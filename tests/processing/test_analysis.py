"""What of an analysis' configuration is for the platform."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.jobs.data_error import DataError
from modelyard.processing.analysis import Analysis, path_of

PREDICTOR = {"predictor": {"model_name": "m"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["predictor", "model_name", "endpoint_name", "methods", "shap", "baseline"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("config", "monitors", "asks"),
    [
        ({"methods": {"shap": {}}}, False, True),
        ({"methods": {"pdp": {}}}, False, True),
        ({"methods": {"shap": {}}}, True, True),
        ({"methods": {"pre_training_bias": {}}}, False, False),
        ({"methods": {"post_training_bias": {}}}, False, True),
        # The answers are in the dataset, or were captured.
        ({"methods": {"post_training_bias": {}}, "predicted_label": "p"}, False, False),
        ({"methods": {"post_training_bias": {}}}, True, False),
        ({"facet": []}, True, False),
    ],
)
def test_a_model_is_served_where_its_answers_are_needed(
    config: dict[str, Any], monitors: bool, asks: bool
) -> None:
    assert Analysis.of({**config, **PREDICTOR}, monitors=monitors).asks_model is asks


def test_a_model_is_named_or_an_endpoint() -> None:
    methods: dict[str, Any] = {"methods": {"shap": {}}}
    both = {**methods, "predictor": {"model_name": "m", "endpoint_name": "e"}}
    assert Analysis.of(both, monitors=False) == Analysis(model="m")
    endpoint = {**methods, "predictor": {"endpoint_name": "e"}}
    assert Analysis.of(endpoint, monitors=False) == Analysis(endpoint="e")


def test_a_baseline_in_a_bucket_must_be_a_uri() -> None:
    with pytest.raises(DataError, match=r"methods\.shap\.baseline: .*\.\."):
        Analysis.of({"methods": {"shap": {"baseline": "s3://bucket/../x"}}}, monitors=False)


@settings(suppress_health_check=[HealthCheck.too_slow])  # which a busy machine makes it
@given(document=JSON, monitors=st.booleans())
def test_whatever_a_configuration_holds_it_can_be_looked_at(document: Any, monitors: bool) -> None:
    assert isinstance(Analysis.of(document, monitors=monitors), Analysis)


def test_the_configuration_is_where_the_program_looks_for_it() -> None:
    assert path_of({}) == "/opt/ml/processing/input/config/analysis_config.json"
    told = {"analysis_config": "file:///opt/ml/processing/input/analysis_config"}
    assert path_of(told) == "/opt/ml/processing/input/analysis_config/analysis_config.json"
    told = {"analysis_config": "/opt/ml/processing/x/own.json"}
    assert path_of(told) == "/opt/ml/processing/x/own.json"
