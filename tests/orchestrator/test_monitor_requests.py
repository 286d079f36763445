"""Requests for monitor pipelines: what is made of them, and all that is wrong at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.arns import role_arn
from modelyard.orchestrator.blueprints import Place
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.requests import ProvisionRequest, read_request
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import ASSETS, Platform, model_of, require_image
from tests.orchestrator.world import ACCOUNT, REGION, new_store

MISSING = "Bad request. API body does not have the necessary parameter: "
KINDS = ("data_quality", "model_quality", "model_bias", "model_explainability")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Reading a request changes nothing, so one platform is enough."""
    with new_store() as store:
        platform = Platform(store, tmp_path_factory.mktemp("platform"))
        files = {
            "census.csv": b"income,age,sex\n1,30,F\n",
            "bare.csv": b"1,30,2\n",
            "empty.csv": b"",
            "shap.csv": b"30,F\n",
        }
        for key, content in files.items():
            platform.objects.of(ACCOUNT).put_bytes(S3Uri(ASSETS, key), content)
        yield platform


def monitor(kind: str, **changes: Any) -> dict[str, Any]:
    """Return a right request for a monitor; Ellipsis takes an attribute away."""
    body: dict[str, Any] = {
        "pipeline_type": f"byom_{kind}_monitor",
        "model_name": "Census",
        "endpoint_name": "Census",
        "baseline_data": "census.csv",
        "baseline_job_output_location": "assets/baseline/",
        "data_capture_location": "assets/captured",
        "monitoring_output_location": "assets/reports",
        "schedule_expression": "cron(0 * ? * * *)",
        "instance_type": "ml.m5.large",
        "instance_volume_size": "20",
        "monitor_max_runtime_seconds": "1800",
    }
    if kind != "data_quality":
        body["problem_type"] = "BinaryClassification"
        body["monitor_probability_attribute"] = "0"
        body["probability_threshold_attribute"] = "0.5"
    if kind in ("model_quality", "model_bias"):
        body["monitor_ground_truth_input"] = "assets/labels/<yyyy>/<mm>/<dd>/<hh>"
    if kind == "model_quality":
        body |= {
            "baseline_inference_attribute": "prediction",
            "baseline_probability_attribute": "probability",
            "baseline_ground_truth_attribute": "label",
        }
    if kind == "model_bias":
        body["bias_config"] = {
            "label_values_or_threshold": 1,
            "facet_name": "sex",
            "facet_values_or_threshold": ["F"],
        }
        body["model_predicted_label_config"] = {"probability": 0, "probability_threshold": 0.6}
    if kind == "model_explainability":
        body["shap_config"] = {
            "baseline": "shap.csv",
            "num_samples": "20",
            "agg_method": "mean_abs",
        }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


def read(platform: Platform, body: dict[str, Any]) -> ProvisionRequest:
    place = Place(
        region=REGION,
        assets=platform.assets(ACCOUNT),
        execution_role_arn=role_arn(account=ACCOUNT, name="execution"),
        retrieve_image=lambda framework, version, _region: f"{framework}:{version}",
        model_of=model_of,
        require_image=require_image,
    )
    return read_request(body, place, platform.types)


def problems(platform: Platform, body: dict[str, Any]) -> list[str]:
    with pytest.raises(BadRequest) as caught:
        read(platform, body)
    return caught.value.problems


@pytest.mark.parametrize("kind", KINDS)
def test_baseline_and_schedule_are_called_by_endpoint_and_type_each_with_its_own_end(
    platform: Platform, kind: str
) -> None:
    parameters = read(platform, monitor(kind)).parameters
    stem = f"census-{kind.replace('_', '')}-"
    names = [parameters["BaselineJobName"], parameters["MonitoringScheduleName"]]
    assert len(set(names)) == 2
    for name in names:
        assert name.startswith(stem)
        assert len(name) == len(stem) + 4
        int(name.removeprefix(stem), 16)
    image = "clarify:1.0" if kind in ("model_bias", "model_explainability") else "model-monitor:"
    assert parameters["ImageUri"] == image
    assert parameters["BaselineJobOutputLocation"] == "assets/baseline"
    if "GroundTruthInput" in parameters:
        assert parameters["GroundTruthInput"] == "assets/labels"


def test_bias_is_configured_as_the_reference_does(platform: Platform) -> None:
    parameters = read(platform, monitor("model_bias")).parameters
    baseline = json.loads(parameters["AnalysisConfig"])
    assert baseline["headers"] == ["income", "age", "sex"]
    assert baseline["label"] == "income"
    assert baseline["label_values_or_threshold"] == [1]
    assert baseline["facet"] == [{"name_or_index": "sex", "value_or_threshold": ["F"]}]
    assert baseline["probability_threshold"] == 0.6
    assert baseline["methods"]["post_training_bias"] == {"methods": "all"}
    assert baseline["predictor"]["model_name"] == "census-model"
    assert baseline["predictor"]["probability"] == 0
    executions = json.loads(parameters["MonitorAnalysisConfig"])
    assert not {"methods", "predictor"} & set(executions)
    assert {key: baseline[key] for key in executions} == executions


def test_explainability_is_configured_as_the_reference_does(platform: Platform) -> None:
    parameters = read(platform, monitor("model_explainability")).parameters
    baseline = json.loads(parameters["AnalysisConfig"])
    shap = baseline["methods"]["shap"]
    assert shap == {
        "use_logit": False,
        "save_local_shap_values": True,
        "num_samples": 20,
        "agg_method": "mean_abs",
    }
    assert parameters["ShapBaseline"] == "shap.csv"
    executions = json.loads(parameters["MonitorAnalysisConfig"])
    assert executions["headers"] == ["age", "sex"]
    assert "label" not in executions
    assert executions["predictor"]["model_name"] == "census-model"


def test_missing_attributes_are_named_all_of_them(platform: Platform) -> None:
    found = problems(platform, {"pipeline_type": "byom_data_quality_monitor"})
    assert found[0] == f"{MISSING}model_name"
    names = [one.removeprefix(MISSING) for one in found if one.startswith(MISSING)]
    assert names == [
        *("model_name", "endpoint_name", "baseline_data", "baseline_job_output_location"),
        *("data_capture_location", "monitoring_output_location", "schedule_expression"),
        *("monitor_max_runtime_seconds", "instance_type", "instance_volume_size"),
    ]


@pytest.mark.parametrize(
    ("kind", "changes", "name"),
    [
        ("model_quality", {"problem_type": "Regression"}, "monitor_inference_attribute"),
        (
            "model_quality",
            {"baseline_inference_attribute": ..., "baseline_probability_attribute": ...},
            "baseline_inference_attribute",
        ),
        ("model_bias", {"model_predicted_label_config": ...}, "model_predicted_label_config"),
        ("model_bias", {"bias_config": ...}, "bias_config"),
        (
            "model_explainability",
            {"problem_type": "MulticlassClassification"},
            "monitor_inference_attribute",
        ),
    ],
)
def test_what_a_type_of_problem_needs_is_asked_for(
    platform: Platform, kind: str, changes: dict[str, Any], name: str
) -> None:
    assert f"{MISSING}{name}" in problems(platform, monitor(kind, **changes))


def test_an_unknown_type_of_problem_is_answered_as_clients_know_it(platform: Platform) -> None:
    first, second = problems(platform, monitor("model_bias", problem_type="Clustering"))
    assert first == (
        "Bad request format. Unsupported problem_type in byom_model_quality_monitor pipeline"
    )
    assert "'Clustering' is none of Regression" in second


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("data_quality", {"baseline_data": "bare.csv"}, "has no header"),
        ("data_quality", {"baseline_data": "empty.csv"}, "is empty"),
        ("data_quality", {"baseline_data": "gone.csv"}, "there is no object"),
        ("data_quality", {"endpoint_name": "other"}, "Could not find endpoint 'other'"),
        ("data_quality", {"schedule_expression": "cron(0 0 31 2 ? *)"}, "never comes"),
        ("data_quality", {"schedule_expression": "cron(0/5 * ? * * *)"}, "more often than once"),
        ("data_quality", {"schedule_expression": "hourly"}, "cron(minute hour"),
        ("data_quality", {"monitoring_output_location": "none/x"}, "there is no bucket 'none'"),
        ("data_quality", {"monitor_max_runtime_seconds": "90000"}, "86400"),
        ("model_bias", {"monitor_max_runtime_seconds": "3601"}, "is more than 3600"),
        ("model_bias", {"bias_config": {"facet": "sex"}}, "facet is not offered"),
        ("model_bias", {"bias_config": {"facet_name": "sex"}}, "label_values_or_threshold is"),
        (
            "model_bias",
            {
                "bias_config": {
                    "label_values_or_threshold": 1,
                    "facet_name": "gender",
                    "facet_values_or_threshold": "F",
                }
            },
            "facet_name 'gender' is no column of baseline_data: it has income, age, sex",
        ),
        ("model_explainability", {"shap_config": {"agg_method": "mode"}}, "'mode' is none of"),
        ("model_explainability", {"shap_config": {"baseline": "gone"}}, "there is no object"),
        ("model_explainability", {"shap_config": {"baseline": ""}}, "'' names no object"),
        ("model_quality", {"problem": "x"}, "is not an attribute of"),
    ],
)
def test_what_cannot_work_is_told_ahead_of_everything(
    platform: Platform, kind: str, changes: dict[str, Any], said: str
) -> None:
    found = problems(platform, monitor(kind, **changes))
    assert any(said in one for one in found), found
    assert len(found) == 1 or kind == "model_bias"


def test_what_an_hourly_monitor_may_not_take_is_lowered_and_said(platform: Platform) -> None:
    lowered = read(platform, monitor("model_bias", monitor_max_runtime_seconds="3300"))
    assert lowered.parameters["MonitorMaxRuntimeSeconds"] == "1800"
    assert lowered.remarks == [
        "monitor_max_runtime_seconds: 3300 was lowered to 1800, which is what an hourly modelbias "
        "monitor may take"
    ]
    daily = {"schedule_expression": "cron(0 0 ? * * *)", "monitor_max_runtime_seconds": "3300"}
    assert read(platform, monitor("model_bias", **daily)).remarks == []
    assert read(platform, monitor("data_quality", monitor_max_runtime_seconds="3300")).remarks == []


def test_probabilities_are_for_two_classes_only(platform: Platform) -> None:
    body = monitor("model_quality", problem_type="Regression", monitor_inference_attribute="0")
    parameters = read(platform, body).parameters
    assert parameters["InferenceAttribute"] == "0"
    assert parameters["ProbabilityAttribute"] == ""
    assert parameters["BaselineProbabilityAttribute"] == ""
