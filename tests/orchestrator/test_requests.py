"""Requests to provision: what is right, and all that is wrong at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelyard.arns import role_arn
from modelyard.orchestrator.blueprints import PIPELINE_TYPES, Place
from modelyard.orchestrator.errors import UNSUPPORTED_TYPE, BadRequest
from modelyard.orchestrator.requests import ProvisionRequest, read_request
from modelyard.orchestrator.stacks.reading import load
from modelyard.store.resources import Store
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import (
    ASSETS,
    IMAGE,
    Platform,
    batch,
    model_of,
    realtime,
    require_image,
    retrieve,
    training,
)
from tests.orchestrator.world import ACCOUNT, REGION, World, new_store

MISSING = "Bad request. API body does not have the necessary parameter: "


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Reading a request changes nothing, so one platform is enough."""
    with new_store() as store:
        platform = Platform(store, tmp_path_factory.mktemp("platform"))
        platform.upload(
            "data/rows.csv", "data/train.csv", "data/validation.csv", "models/model.tar.gz"
        )
        yield platform


@pytest.fixture
def store() -> Iterator[Store]:
    with new_store() as store:
        yield store


def read(platform: Platform, body: dict[str, Any], **more: Any) -> ProvisionRequest:
    place = Place(
        region=REGION,
        assets=platform.assets(ACCOUNT),
        execution_role_arn=role_arn(account=ACCOUNT, name="execution"),
        retrieve_image=retrieve,
        model_of=model_of,
        require_image=require_image,
        **more,
    )
    return read_request(body, place, platform.types)


def problems(platform: Platform, body: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(BadRequest) as caught:
        read(platform, body, **more)
    return caught.value.problems


@pytest.mark.parametrize("kind", PIPELINE_TYPES.values(), ids=lambda kind: str(kind.name))
def test_every_blueprint_is_right_and_knows_its_attributes(store: Store, kind: Any) -> None:
    template = load(kind.source, {**World(store).types, **kind.own_types})
    for attribute in kind.attributes:
        assert attribute.parameter is None or attribute.parameter in template.parameters
    assert set(kind.named_by) <= set(template.resources)


def test_a_realtime_request_fills_its_blueprint(platform: Platform) -> None:
    request = read(platform, realtime(endpoint_name=" My-Endpoint "))
    assert request.parameters == {
        "AssetsBucket": "assets",
        "DataCaptureLocation": "assets/captured",
        "EndpointName": "my-endpoint",
        "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
        "ImageUri": IMAGE,
        "InferenceInstance": "ml.m5.large",
        "ModelArtifactLocation": "models/model.tar.gz",
        "ModelName": "Churn",
    }


def test_a_training_request_fills_its_blueprint(platform: Platform) -> None:
    request = read(platform, training(job_name="mine", instance_count=2, use_spot_instances=False))
    assert json.loads(request.parameters["AlgoHyperparameters"]) == {
        "num_round": "100",
        "eta": "0.3",
        "objective": "binary:logistic",
    }
    assert request.parameters["JobName"] == "mine"
    assert request.parameters["InstanceCount"] == "2"
    assert request.parameters["UseSpotInstances"] == "False"


def test_a_job_without_a_name_gets_one_from_its_model(platform: Platform) -> None:
    first, second = (read(platform, training()).parameters["JobName"] for _ in range(2))
    assert first.startswith("Churn-training-")
    assert len(first) == len("Churn-training-") + 4
    assert first != second
    long = read(platform, training(model_name="m" * 128)).parameters["JobName"]
    assert len(long) == 63


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("algo_hyperparameters", "AlgoHyperparameters"),
        ("algo_hyperparamaters", "AlgoHyperparameters"),
        ("Max_wait_time_spot_instances", "MaxWaitTimeForSpotInstances"),
        ("max_wait_time_spot_instances", "MaxWaitTimeForSpotInstances"),
    ],
)
def test_both_spellings_mean_the_same(platform: Platform, given: str, key: str) -> None:
    value = {"num_round": "1"} if key == "AlgoHyperparameters" else 90000
    body = training(algo_hyperparamaters=...)
    body.setdefault("algo_hyperparameters", {"num_round": "1"})
    if key == "AlgoHyperparameters":
        body.pop("algo_hyperparameters")
    parameters = read(platform, {**body, given: value}).parameters
    assert parameters[key] == (json.dumps(value) if isinstance(value, dict) else str(value))


def test_both_spellings_at_once_must_agree(platform: Platform) -> None:
    body = training(algo_hyperparameters={"num_round": 1})
    assert problems(platform, body) == [
        "Bad request. algo_hyperparamaters: is given twice, with different values: "
        "leave algo_hyperparameters out"
    ]


@pytest.mark.parametrize("name", ["byom_realtime_builtin", " BYOM_Realtime_BuiltIn  "])
def test_a_pipeline_type_may_have_blanks_and_capitals(platform: Platform, name: str) -> None:
    assert read(platform, realtime(pipeline_type=name)).kind.name == "byom_realtime_builtin"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("byom_realtime_bultin", "did you mean byom_realtime_builtin?"),
        ("", "offered are"),
        (None, "pipeline_type is missing"),
        (["byom_realtime_builtin"], "there is no pipeline_type"),
    ],
)
def test_any_other_type_is_refused(platform: Platform, name: Any, said: str) -> None:
    first, second = problems(platform, {"pipeline_type": name})
    assert first == UNSUPPORTED_TYPE
    assert said in second


def test_missing_attributes_come_first_and_in_the_apis_order(platform: Platform) -> None:
    found = problems(platform, {"pipeline_type": "model_training_builtin", "instance_type": "x"})
    assert found == [
        *(
            MISSING + name
            for name in (
                "model_name",
                "training_data",
                "job_output_location",
                "model_framework",
                "model_framework_version",
                "algo_hyperparamaters",
            )
        ),
        found[-1],
    ]
    assert found[-1].startswith("instance_type: 'x' must have at least 7 characters")


def test_everything_that_is_wrong_is_told_at_once(platform: Platform) -> None:
    found = problems(
        platform,
        training(
            training_data="data/none.csv",
            model_framework="tensorflow",
            algo_hyperparamaters={"num_round": None},
            max_runtime_per_job="5",
            compression_type="Zip",
            encrypt_inner_traffic="yes",
            instance_cuont=1,
            kms_key_arn="alias/mine",
            attribute_names=["a"],
        ),
    )
    text = "\n".join(found)
    for said in (
        "training_data: there are no objects under s3://assets/data/none.csv: upload them first",
        "model_framework: tensorflow 1.7-1 is not offered: use xgboost 1.7-1",
        "algo_hyperparamaters: num_round is null",
        "max_runtime_per_job: '5' must be at least 600",
        "compression_type: 'Zip' must be one of '', 'Gzip'",
        "encrypt_inner_traffic: 'yes' must be one of 'True', 'False'",
        "instance_cuont: is not an attribute of model_training_builtin: "
        "did you mean instance_count?",
        "kms_key_arn: 'alias/mine' must match",
        "attribute_names: is for s3_data_type AugmentedManifestFile only",
    ):
        assert said in text
    assert len(found) == 9


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_name": "my_model"}, "model_name: 'my_model' must match"),
        ({"model_name": ""}, "model_name: '' must have at least 1 characters"),
        ({"inference_instance": "large"}, "inference_instance: 'large' must have at least 7"),
        ({"inference_instance": "not-an-instance"}, "inference_instance: 'not-an-instance' must"),
        ({"inference_instance": {"dev": "ml.m5.large"}}, "is given per stage, but this server"),
        ({"inference_instance": None}, "inference_instance: is null"),
        ({"inference_instance": ["ml.m5.large"]}, 'inference_instance: ["ml.m5.large"] must be'),
        ({"model_artifact_location": "s3://assets/m.tar.gz"}, "without s3://"),
        ({"model_artifact_location": "models/model.pkl"}, "model_artifact_location: 'models/"),
        ({"model_artifact_location": "no/model.tar.gz"}, "no object s3://assets/no/model.tar.gz"),
        ({"model_artifact_location": "../model.tar.gz"}, "names no object"),
        ({"data_capture_location": "s3://assets/x"}, "without s3:// ahead of it"),
        ({"data_capture_location": "elsewhere/x"}, "there is no bucket 'elsewhere'"),
        ({"endpoint_name": "two words"}, "endpoint_name: 'two words' must match"),
        ({"endpoint_name": "e" * 64}, "endpoint_name: 'eee"),
        ({"model_framework_version": 1.7}, "model_framework_version: 1.7 must be text"),
        ({"model_framework_version": "9"}, "xgboost 9 is not offered"),
        ({"model_package_name": "arn:x"}, "model_package_name: 'arn:x' must match"),
        ({"model_name": "a\x00b"}, "model_name: 'a\\x00b' is not text"),
        ({"data_capture_location": "\ud800"}, "is not text"),
    ],
)
def test_a_bad_value_is_named_with_its_rule(
    platform: Platform, changes: dict[str, Any], said: str
) -> None:
    (found,) = problems(platform, realtime(**changes))
    assert found.startswith("Bad request. ")
    assert said in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"algo_hyperparamaters": {}}, "must be a JSON object that is not empty"),
        ({"algo_hyperparamaters": ""}, "must be a JSON object that is not empty"),
        ({"algo_hyperparamaters": "{eta: 1}"}, "is not JSON"),
        ({"algo_hyperparamaters": '{"eta": NaN}'}, "NaN is not JSON"),
        ({"algo_hyperparamaters": 5}, "5 must be a JSON object or list"),
        ({"algo_hyperparamaters": {"a": ["\ud800"]}}, "is not text"),
        ({"max_runtime_per_job": 172800}, "172800 must be greater than max_runtime_per_job"),
        ({"max_runtime_per_job": "600.5"}, "max_runtime_per_job: '600.5' must match"),
        ({"instance_count": 0}, "instance_count: '0' must be at least 1"),
        ({"instance_count": "9" * 500}, "instance_count"),
        ({"job_name": "-x"}, "job_name: '-x' must match"),
        ({"training_data": "d" * 129}, "must have at most 128 characters"),
        ({"training_data": "data//train"}, "training_data: 'data//train' names no objects"),
        ({"s3_data_type": "ManifestFile", "training_data": "data"}, "no object s3://assets/data"),
        ({"job_output_location": "a/../b"}, "job_output_location: 'a/../b' cannot be written to"),
    ],
)
def test_a_bad_value_of_a_training_is_named_with_its_rule(
    platform: Platform, changes: dict[str, Any], said: str
) -> None:
    (found,) = problems(platform, training(**changes))
    assert said in found


def test_times_do_not_matter_without_spot_instances(platform: Platform) -> None:
    read(platform, training(max_runtime_per_job=259200, use_spot_instances="False"))


def test_hyperparameters_may_be_json_text(platform: Platform) -> None:
    request = read(platform, training(algo_hyperparamaters='{"num_round": 5, "verbose": true}'))
    assert json.loads(request.parameters["AlgoHyperparameters"]) == {
        "num_round": "5",
        "verbose": "true",
    }


def test_an_empty_key_of_a_customer_is_none(platform: Platform) -> None:
    read(platform, realtime(kms_key_arn=""))


PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/churn/1"


def test_a_batch_request_fills_its_blueprint(platform: Platform) -> None:
    assert read(platform, batch()).parameters == {
        "AssetsBucket": "assets",
        "BatchInferenceData": "assets/data/rows.csv",
        "BatchJobOutputLocation": "assets/predictions",
        "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
        "ImageUri": IMAGE,
        "InferenceInstance": "ml.m5.large",
        "ModelArtifactLocation": "models/model.tar.gz",
        "ModelName": "Churn",
    }


def registered(**changes: Any) -> dict[str, Any]:
    own = ("model_framework", "model_framework_version", "model_artifact_location")
    return batch(**dict.fromkeys(own, ...), **{"model_package_name": PACKAGE, **changes})


def test_a_registered_model_needs_neither_framework_nor_archive(platform: Platform) -> None:
    parameters = read(platform, registered()).parameters
    assert parameters["ModelPackageName"] == PACKAGE
    assert not parameters.keys() & {"ImageUri", "ModelArtifactLocation"}


def test_a_batch_request_names_what_is_missing_in_the_apis_order(platform: Platform) -> None:
    missing = [
        "model_name",
        "inference_instance",
        "model_framework",
        "model_framework_version",
        "model_artifact_location",
        "batch_inference_data",
        "batch_job_output_location",
    ]
    found = problems(platform, {"pipeline_type": "byom_batch_builtin"})
    assert found == [MISSING + name for name in missing]
    found = problems(
        platform, {"pipeline_type": "byom_batch_builtin", "model_package_name": PACKAGE}
    )
    assert found == [
        MISSING + name for name in missing if not name.startswith("model_") or name == "model_name"
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_inference_data": "assets/none.csv"}, "no objects under s3://assets/none.csv"),
        ({"batch_inference_data": "none/rows.csv"}, "none"),
        ({"batch_inference_data": "assets"}, "batch_inference_data: 'assets' must match"),
        ({"batch_inference_data": "s3://assets/x"}, "without s3:// ahead of it"),
        ({"batch_job_output_location": "none/x"}, "there is no bucket 'none'"),
        ({"model_package_name": "churn"}, "model_package_name: 'churn' must match"),
        ({"model_package_name": PACKAGE}, "a registered model has its own: leave model_framework"),
        ({"model_artifact_location": "no/model.tar.gz"}, "no object s3://assets/no/model.tar.gz"),
    ],
)
def test_a_bad_value_of_a_batch_request_is_named(
    platform: Platform, changes: dict[str, Any], said: str
) -> None:
    (found,) = problems(platform, batch(**changes))
    assert said in found


def test_an_empty_package_is_none(platform: Platform) -> None:
    assert read(platform, batch(model_package_name="")).parameters["ImageUri"] == IMAGE
    (found,) = problems(platform, registered(model_package_name=""))
    assert "is empty: give a model package's ARN" in found


def custom(kind: str, **changes: Any) -> dict[str, Any]:
    """A request for a model in a custom image, otherwise as for a built-in one."""
    body = {**(realtime() if kind == "byom_realtime_custom" else batch()), "pipeline_type": kind}
    del body["model_framework"], body["model_framework_version"]
    return {**body, "custom_image_uri": f" {IMAGE} ", **changes}


@pytest.mark.parametrize("kind", ["byom_realtime_custom", "byom_batch_custom"])
def test_a_custom_image_stands_in_for_a_framework(platform: Platform, kind: str) -> None:
    assert read(platform, custom(kind)).parameters["ImageUri"] == IMAGE
    assert problems(platform, custom(kind, custom_image_uri="x/y:1")) == [
        "Bad request. custom_image_uri: Image 'x/y:1' is not offered"
    ]
    body = custom(kind)
    del body["custom_image_uri"]
    assert problems(platform, body)[0] == f"{MISSING}custom_image_uri"
    unknown = problems(platform, custom(kind, model_framework="xgboost"))
    assert "model_framework: is not an attribute" in unknown[0]


def test_an_image_builder_is_named_after_its_tag(platform: Platform) -> None:
    platform.objects.of(ACCOUNT).put_bytes(S3Uri(ASSETS, "x.zip"), b"x")
    body = {
        "pipeline_type": "byom_image_builder",
        "custom_algorithm_docker": "x.zip",
        "ecr_repo_name": "team/toy",
        "image_tag": "V1.0",
    }
    request = read(platform, body)
    assert request.named_after == "V1.0"
    assert request.parameters == {
        "AssetsBucket": ASSETS,
        "CustomContainer": "x.zip",
        "ECRRepoName": "team/toy",
        "ImageTag": "V1.0",
    }
    assert problems(platform, {"pipeline_type": "byom_image_builder"}) == [
        f"{MISSING}{name}" for name in ("custom_algorithm_docker", "ecr_repo_name", "image_tag")
    ]


VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"
OWN_MODEL = {
    "model_framework": ...,
    "model_framework_version": ...,
    "model_artifact_location": ...,
}


@pytest.mark.parametrize("make", [realtime, batch])
def test_with_the_registry_a_version_is_asked_for_in_place_of_an_archive(
    platform: Platform, make: Callable[..., dict[str, Any]]
) -> None:
    assert problems(platform, make(**OWN_MODEL), use_model_registry=True) == [
        f"{MISSING}model_package_name"
    ]
    (found,) = problems(platform, make(model_package_name=VERSION), use_model_registry=True)
    assert "a registered model has its own: leave model_framework" in found
    asked = make(**OWN_MODEL, model_package_name=VERSION)
    assert read(platform, asked, use_model_registry=True).parameters["ModelPackageName"] == VERSION


def test_without_the_registry_a_version_may_stand_in_for_an_archive(platform: Platform) -> None:
    asked = realtime(**OWN_MODEL, model_package_name=VERSION)
    assert read(platform, asked).parameters["ModelPackageName"] == VERSION
