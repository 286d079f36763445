"""The keys that the API asks for, of each type of pipeline, in its order: the first goes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from modelyard.arns import role_arn
from modelyard.orchestrator.blueprints import PIPELINE_TYPES, Place
from modelyard.orchestrator.errors import MISSING, BadRequest
from modelyard.orchestrator.requests import read_request
from tests.orchestrator.platform import IMAGE, Platform, model_of, require_image
from tests.orchestrator.stages import ACCOUNTS
from tests.orchestrator.world import ACCOUNT, REGION, new_store

OWN = ("model_framework", "model_framework_version", "model_artifact_location")
CUSTOM = ("custom_image_uri", "model_artifact_location")
PACKAGE = ("model_package_name",)
MODEL = ("model_name", "inference_instance")
BATCH = ("batch_inference_data", "batch_job_output_location")
TRAINING = (
    *("model_name", "training_data", "job_output_location"),
    *("model_framework", "model_framework_version", "algo_hyperparamaters"),
)
MONITOR = (
    *("model_name", "endpoint_name", "baseline_data", "baseline_job_output_location"),
    *("data_capture_location", "monitoring_output_location", "schedule_expression"),
    *("monitor_max_runtime_seconds", "instance_type", "instance_volume_size"),
)
BUILDER = ("custom_algorithm_docker", "ecr_repo_name", "image_tag")
LABELS = "monitor_ground_truth_input"
#: By type: the keys without the model registry, and with it.
KEYS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "byom_realtime_builtin": (
        (*MODEL, *OWN, "data_capture_location"),
        (*MODEL, *PACKAGE, "data_capture_location"),
    ),
    "byom_realtime_custom": (
        (*MODEL, *CUSTOM, "data_capture_location"),
        (*MODEL, *PACKAGE, "data_capture_location"),
    ),
    "byom_batch_builtin": ((*MODEL, *OWN, *BATCH), (*MODEL, *PACKAGE, *BATCH)),
    "byom_batch_custom": ((*MODEL, *CUSTOM, *BATCH), (*MODEL, *PACKAGE, *BATCH)),
    "byom_image_builder": (BUILDER, BUILDER),
    "model_training_builtin": (TRAINING, TRAINING),
    "model_tuner_builtin": ((*TRAINING, "tuner_configs", "hyperparamaters_ranges"),) * 2,
    "model_autopilot_training": (
        ("model_name", "training_data", "job_output_location", "target_attribute"),
    )
    * 2,
    "byom_data_quality_monitor": (MONITOR, MONITOR),
    "byom_model_quality_monitor": (
        (
            *MONITOR,
            *("baseline_inference_attribute", "baseline_ground_truth_attribute", "problem_type"),
            LABELS,
        ),
    )
    * 2,
    "byom_model_bias_monitor": ((*MONITOR, "problem_type", LABELS, "bias_config"),) * 2,
    "byom_model_explainability_monitor": ((*MONITOR, "problem_type", "shap_config"),) * 2,
}
#: What a type of problem asks for besides.
INFERENCE = "monitor_inference_attribute"
MORE = {
    ("byom_model_quality_monitor", "Regression"): (INFERENCE,),
    ("byom_model_quality_monitor", "MulticlassClassification"): (INFERENCE,),
    ("byom_model_bias_monitor", "Regression"): (INFERENCE,),
    ("byom_model_bias_monitor", "MulticlassClassification"): (
        INFERENCE,
        "model_predicted_label_config",
    ),
    ("byom_model_bias_monitor", "BinaryClassification"): ("model_predicted_label_config",),
    ("byom_model_explainability_monitor", "Regression"): (INFERENCE,),
    ("byom_model_explainability_monitor", "MulticlassClassification"): (INFERENCE,),
    ("byom_model_explainability_monitor", "BinaryClassification"): (),
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Reading a request changes nothing, so one platform is enough."""
    with new_store() as store:
        yield Platform(store, tmp_path_factory.mktemp("platform"))


def missing(platform: Platform, body: dict[str, Any], *, registry: bool, staged: bool) -> list[str]:
    """Return the keys that are asked for, in the order of the answer."""
    place = Place(
        region=REGION,
        assets=platform.assets(ACCOUNT),
        execution_role_arn=role_arn(account=ACCOUNT, name="execution"),
        retrieve_image=lambda *_what: IMAGE,
        model_of=model_of,
        require_image=require_image,
        use_model_registry=registry,
    )
    stages = dict.fromkeys(ACCOUNTS, place) if staged else None
    with pytest.raises(BadRequest) as caught:
        read_request(body, place, platform.types, stages)
    said = caught.value.problems
    found = [one.removeprefix(MISSING) for one in said if one.startswith(MISSING)]
    assert said[: len(found)] == [f"{MISSING}{name}" for name in found]
    return found


def test_there_are_twelve_types() -> None:
    assert sorted(PIPELINE_TYPES) == sorted(KEYS)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("registry", [False, True], ids=["registry-no", "registry-yes"])
@pytest.mark.parametrize("staged", [False, True], ids=["single", "multi"])
def test_all_keys_are_asked_for_in_the_apis_order(
    platform: Platform, kind: str, registry: bool, staged: bool
) -> None:
    body = {"pipeline_type": kind}
    assert missing(platform, body, registry=registry, staged=staged) == [*KEYS[kind][registry]]


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("registry", [False, True], ids=["registry-no", "registry-yes"])
def test_a_key_that_is_missing_is_asked_for_alone(
    platform: Platform, kind: str, registry: bool
) -> None:
    keys = KEYS[kind][registry]
    for left_out in keys:
        body = dict.fromkeys(keys, "") | {"pipeline_type": kind}
        if "problem_type" in keys:
            body["problem_type"] = "BinaryClassification"
        if kind == "byom_model_bias_monitor":
            body["model_predicted_label_config"] = ""
        del body[left_out]
        assert missing(platform, body, registry=registry, staged=False) == [left_out]


@pytest.mark.parametrize(("kind", "problem"), MORE, ids=str)
def test_a_type_of_problem_asks_for_more(platform: Platform, kind: str, problem: str) -> None:
    body = dict.fromkeys(KEYS[kind][False], "") | {"pipeline_type": kind, "problem_type": problem}
    more = MORE[kind, problem]
    if not more:
        body.pop("shap_config")
    expected = [*more] or ["shap_config"]
    assert missing(platform, body, registry=False, staged=False) == expected
