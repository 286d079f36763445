from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from modelyard.operations.errors import ValidationError
from modelyard.operations.schema import Schema


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema()


ROLE = "arn:aws:iam::123456789012:role/r"


def training_job(**changes: Any) -> dict[str, Any]:
    """Return a request that is right, but for `changes`."""
    return {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


def problems(schema: Schema, name: str, request: Any, service: str = "sagemaker") -> list[str]:
    """Return what is wrong with a request, without the head of the message."""
    try:
        schema.validate(service, name, request)
    except ValidationError as error:
        head, _, rest = error.message.partition(" detected: ")
        found = rest.split("; Value ")
        noun = "error" if head.startswith("1 ") else "errors"
        assert head.endswith(f" validation {noun}")
        return [found[0], *(f"Value {text}" for text in found[1:])]
    return []


def test_a_right_request_has_no_problem(schema: Schema) -> None:
    assert problems(schema, "CreateTrainingJob", training_job()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"TrainingJobName": "a b"},
            "Value 'a b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"TrainingJobName": "a" * 64},
            f"Value '{'a' * 64}' at 'trainingJobName' failed to satisfy constraint: "
            "Member must have length less than or equal to 63",
        ),
        (
            {"TrainingJobName": None},
            "Value null at 'trainingJobName' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"TrainingJobName": 7},
            "Value '7' at 'trainingJobName' failed to satisfy constraint: Member must be a string",
        ),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "file"}},
            "Value 'file' at 'algorithmSpecification.trainingInputMode' failed to satisfy "
            "constraint: Member must satisfy enum value set: [Pipe, File, FastFile]; "
            "did you mean 'File'?",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 0}},
            "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": True}},
            "Value 'true' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy "
            "constraint: Member must be a whole number of at most 32 bits",
        ),
        (
            {"StoppingCondition": []},
            "Value of length 0 at 'stoppingCondition' failed to satisfy constraint: "
            "Member must be a structure",
        ),
        (
            {"InputDataConfig": [{"DataSource": {}}]},
            "Value null at 'inputDataConfig.1.member.channelName' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            {"InputDataConfig": [None]},
            "Value null at 'inputDataConfig.1.member' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            {"Tags": [{"Key": "k", "Value": "v"}] * 51},
            "Value of length 51 at 'tags' failed to satisfy constraint: "
            "Member must have length less than or equal to 50",
        ),
        (
            {"HyperParameters": {"depth": 5}},
            "Value '5' at 'hyperParameters.depth.member' failed to satisfy constraint: "
            "Member must be a string",
        ),
        (
            {"Environment": {"a b": "c"}},
            "Value 'a b' at 'environment' failed to satisfy constraint: Map keys must satisfy "
            "constraint: [Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*]",
        ),
        (
            {"HyperParametres": {}},
            "'HyperParametres' is not a member; did you mean 'HyperParameters'?",
        ),
        (
            {"TrainingImage": "x"},
            "'TrainingImage' is not a member; it is one of 'AlgorithmSpecification'",
        ),
        ({"Quux": 1}, "'Quux' is not a member"),
        (
            {"VpcConfig": {"SecurityGroupIds": ["sg"], "Subnet": [], "Subnets": ["s"]}},
            "'Subnet' is not a member of 'vpcConfig'; did you mean 'Subnets'?",
        ),
    ],
)
def test_a_wrong_member_is_reported_as_aws_words_it(
    schema: Schema, changes: dict[str, Any], problem: str
) -> None:
    found = problems(schema, "CreateTrainingJob", training_job(**changes))
    assert problem in found
    if "DataSource" not in str(changes):
        assert len(found) == 1


def test_all_violations_come_at_once(schema: Schema) -> None:
    request = {"TrainingJobName": "a b", "RoleArn": 7, "AlgorithmSpecification": {}}
    with pytest.raises(ValidationError) as caught:
        schema.validate("sagemaker", "CreateTrainingJob", request)
    assert caught.value.message.startswith("4 validation errors detected: ")
    for path in ("trainingJobName", "roleArn", "outputDataConfig", "trainingInputMode"):
        assert f"at '{path}'" in caught.value.message or f".{path}'" in caught.value.message


def test_a_large_set_of_values_names_the_nearest(schema: Schema) -> None:
    resources = {"InstanceType": "ml.m5.larg", "InstanceCount": 1, "VolumeSizeInGB": 1}
    [found] = problems(schema, "CreateTrainingJob", training_job(ResourceConfig=resources))
    assert "did you mean 'ml.m5.large'?" in found
    assert len(found) < 400


def test_long_values_are_shortened(schema: Schema) -> None:
    [found] = problems(schema, "DescribeModel", {"ModelName": "x" * 100_000})
    assert len(found) < 300


def test_a_hostile_request_gets_a_report_of_bounded_length(schema: Schema) -> None:
    request = training_job(**{f"Unknown{number}": 1 for number in range(50_000)})
    with pytest.raises(ValidationError, match="and there are more") as caught:
        schema.validate("sagemaker", "CreateTrainingJob", request)
    assert len(caught.value.message) < 20_000


def test_a_secret_is_never_shown(schema: Schema) -> None:
    request = {"ModelCardName": "c", "Content": "hush" * 25_001, "ModelCardStatus": "Draft"}
    [found] = problems(schema, "CreateModelCard", request)
    assert found.startswith("Value at 'content' failed")
    assert "hush" not in found


def test_a_union_takes_exactly_one_member(schema: Schema) -> None:
    def request(config: dict[str, Any]) -> dict[str, Any]:
        return {"FeatureGroupName": "f", "FeatureDefinitions": [config]}

    definition = {"FeatureName": "n", "CollectionType": "Vector", "FeatureType": "Fractional"}
    one = {**definition, "CollectionConfig": {"VectorConfig": {"Dimension": 2}}}
    none = {**definition, "CollectionConfig": {}}
    assert not any(
        "exactly one" in text for text in problems(schema, "CreateFeatureGroup", request(one))
    )
    assert any(
        "exactly one" in text for text in problems(schema, "CreateFeatureGroup", request(none))
    )


def test_nesting_without_end_is_refused(schema: Schema) -> None:
    expression: dict[str, Any] = {}
    for _ in range(100):
        expression = {"SubExpressions": [expression]}
    request = {"Resource": "Model", "SearchExpression": expression}
    [found] = problems(schema, "Search", request)
    assert "nested more than" in found


def test_a_request_that_is_no_structure_is_reported(schema: Schema) -> None:
    [found] = problems(schema, "DescribeModel", ["ModelName"])
    assert found == "Value of length 1 failed to satisfy constraint: Member must be a structure"


def test_an_operation_without_members_takes_none(schema: Schema) -> None:
    assert problems(schema, "GetSagemakerServicecatalogPortfolioStatus", {}) == []
    assert problems(schema, "GetCallerIdentity", {}, "sts") == []
    assert problems(schema, "GetCallerIdentity", {"A": 1}, "sts") == ["'A' is not a member"]


@pytest.mark.parametrize(
    "given",
    [
        1_700_000_000,
        1_700_000_000.0,
        "2023-11-14T22:13:20Z",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14T22:13:20",
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_every_spelling_of_a_time_becomes_a_datetime_in_utc(schema: Schema, given: object) -> None:
    request = {"CreationTimeAfter": given}
    assert problems(schema, "ListTrainingJobs", request) == []
    converted = schema.convert("sagemaker", "ListTrainingJobs", request)
    assert converted == {"CreationTimeAfter": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)}
    assert converted["CreationTimeAfter"].tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    ["yesterday", True, 1e30, datetime(2023, 11, 14), [], "2023-99-01"],  # noqa: DTZ001 - naive
)
def test_what_is_no_time_is_reported(schema: Schema, given: object) -> None:
    [found] = problems(schema, "ListTrainingJobs", {"CreationTimeAfter": given})
    assert "'creationTimeAfter'" in found


def test_conversion_drops_nulls_and_makes_whole_numbers_integers(schema: Schema) -> None:
    converted = schema.convert("sagemaker", "ListModels", {"MaxResults": 5.0, "NextToken": None})
    assert converted == {"MaxResults": 5}
    assert isinstance(converted["MaxResults"], int)


@pytest.mark.parametrize("given", [float("nan"), float("inf"), 10**400, "1", True])
def test_what_is_no_finite_number_is_reported(schema: Schema, given: object) -> None:
    request = {
        "EndpointName": "e",
        "DesiredWeightsAndCapacities": [{"VariantName": "v", "DesiredWeight": given}],
    }
    assert len(problems(schema, "UpdateEndpointWeightsAndCapacities", request)) == 1


@pytest.mark.parametrize("given", [2**31, -(2**31), 1.5, 2**70])
def test_what_is_no_integer_of_its_width_is_reported(schema: Schema, given: object) -> None:
    assert len(problems(schema, "ListModels", {"MaxResults": given})) == 1


def test_it_knows_the_apis_operations_and_no_others(schema: Schema) -> None:
    assert schema.knows("sagemaker", "CreateModel")
    assert not schema.knows("sagemaker", "MakeModel")
    assert not schema.knows("no-such-service", "CreateModel")
    assert schema.similar("sagemaker", "CreateModle")[0] == "CreateModel"
    with pytest.raises(KeyError, match="MakeModel"):
        schema.input_shape("sagemaker", "MakeModel")


def test_warming_loads_models_in_a_thread_of_its_own() -> None:
    schema = Schema()
    schema.warm("sts", "no-such-service").join()
    assert schema.knows("sts", "AssumeRole")


def test_a_map_must_be_one(schema: Schema) -> None:
    [found] = problems(schema, "CreateTrainingJob", training_job(HyperParameters=["a"]))
    assert "Member must be a map" in found
    assert schema.convert(
        "sagemaker", "CreateTrainingJob", {"HyperParameters": {"a": "1"}, "Tags": [{"Key": "k"}]}
    ) == {"HyperParameters": {"a": "1"}, "Tags": [{"Key": "k"}]}


def test_an_unknown_service_is_an_error(schema: Schema) -> None:
    with pytest.raises(KeyError, match="no-such-service"):
        schema.service("no-such-service")
