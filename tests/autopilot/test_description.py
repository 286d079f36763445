"""A job of either form is described in both."""

from __future__ import annotations

from typing import Any

from tests.autopilot.toys import channel, first, second
from tests.autopilot.world import SCHEMA, World

TABULAR: dict[str, Any] = {
    "ProblemType": "Regression",
    "CompletionCriteria": {"MaxCandidates": 3},
    "GenerateCandidateDefinitionsOnly": True,
    "SampleWeightAttributeName": "w",
    "FeatureSpecificationS3Uri": "s3://bucket/features.json",
    "Mode": "AUTO",
}
OBJECTIVE = {"MetricName": "MSE"}
SPLIT = {"ValidationFraction": 0.25}


def test_a_job_of_the_second_form_in_the_first(world: World) -> None:
    request = second(tabular=TABULAR, AutoMLJobObjective=OBJECTIVE, DataSplitConfig=SPLIT)
    world.call("CreateAutoMLJobV2", **request)
    found = world.describe()
    [data] = found["InputDataConfig"]
    assert data["TargetAttributeName"] == "y"
    assert data["SampleWeightAttributeName"] == "w"
    assert found["ProblemType"] == "Regression"
    assert found["AutoMLJobObjective"] == OBJECTIVE
    assert found["GenerateCandidateDefinitionsOnly"] is True
    assert found["AutoMLJobConfig"] == {
        "CompletionCriteria": {"MaxCandidates": 3},
        "Mode": "AUTO",
        "DataSplitConfig": SPLIT,
        "CandidateGenerationConfig": {"FeatureSpecificationS3Uri": "s3://bucket/features.json"},
    }


def test_a_job_of_the_first_form_in_the_second(world: World) -> None:
    config = {
        "CompletionCriteria": {"MaxCandidates": 3},
        "CandidateGenerationConfig": {"FeatureSpecificationS3Uri": "s3://bucket/features.json"},
        "DataSplitConfig": SPLIT,
        "Mode": "AUTO",
    }
    world.create(
        InputDataConfig=[channel(SampleWeightAttributeName="w")],
        ProblemType="Regression",
        AutoMLJobObjective=OBJECTIVE,
        AutoMLJobConfig=config,
        GenerateCandidateDefinitionsOnly=True,
    )
    found = world.call("DescribeAutoMLJobV2", AutoMLJobName="search")
    assert found["AutoMLProblemTypeConfigName"] == "Tabular"
    assert found["AutoMLProblemTypeConfig"] == {
        "TabularJobConfig": {"TargetAttributeName": "y", **TABULAR}
    }
    assert found["DataSplitConfig"] == SPLIT
    assert "TargetAttributeName" not in found["AutoMLJobInputDataConfig"][0]


def test_answers_have_no_member_that_the_api_does_not_know(world: World) -> None:
    world.create(**{name: value for name, value in first().items() if name != "AutoMLJobName"})
    for operation in ("DescribeAutoMLJob", "DescribeAutoMLJobV2"):
        shape = SCHEMA.operation("sagemaker", operation).output_shape
        assert shape is not None
        assert {*world.call(operation, AutoMLJobName="search")} <= {*shape.members}
