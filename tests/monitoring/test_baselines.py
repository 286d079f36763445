"""A definition that names the job which makes its baseline, as the SDK's monitors do."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.operations.errors import ValidationError
from tests.monitoring.world import BUCKET, SCOPE, World, definition

FILES = {
    "DataQuality": {"constraints": "constraints.json", "baseline": "statistics.json"},
    "ModelQuality": {"constraints": "constraints.json"},
    "ModelExplainability": {"constraints": "analysis.json"},
}


def make_baseline(world: World, status: str = "Completed") -> None:
    output = {"S3Output": {"S3Uri": f"s3://{BUCKET}/made", "LocalPath": "/o"}}
    with world.store.write() as transaction:
        transaction.create(
            SCOPE,
            "processing-job",
            "making",
            arn="arn:aws:sagemaker:us-east-1:123456789012:processing-job/making",
            spec={"ProcessingOutputConfig": {"Outputs": [output]}},
            status=status,
        )


def named(type_: str, **more: Any) -> dict[str, Any]:
    """Return the members that name the job."""
    return {f"{type_}BaselineConfig": {"BaseliningJobName": "making", **more}}


def look(world: World, type_: str) -> None:
    """Have a schedule of the definition look at an hour of traffic and labels."""
    world.schedule(type_=type_)
    world.capture(world.time)
    world.label(world.time)
    world.tick(hours=1)
    world.look()


@pytest.mark.parametrize("type_", FILES)
def test_an_execution_compares_with_the_files_of_the_job(world: World, type_: str) -> None:
    make_baseline(world)
    world.define(type_, **named(type_))
    look(world, type_)
    given = {
        one["InputName"]: one["S3Input"]["S3Uri"]
        for one in world.processing.requests[-1]["ProcessingInputs"]
    }
    expected = {name: f"s3://{BUCKET}/made/{file}" for name, file in FILES[type_].items()}
    assert {name: given.get(name) for name in ("constraints", "baseline")} == {
        "constraints": None,
        "baseline": None,
        **expected,
    }
    told = world.processing.requests[-1]["Environment"]["baseline_constraints"]
    assert told == f"/opt/ml/processing/constraints/{FILES[type_]['constraints']}"


def test_files_that_are_named_go_before_those_of_the_job(world: World) -> None:
    files = {"ConstraintsResource": {"S3Uri": f"s3://{BUCKET}/mine/constraints.json"}}
    world.define("ModelQuality", **named("ModelQuality", **files))  # the job is not looked for
    look(world, "ModelQuality")
    given = [one["S3Input"]["S3Uri"] for one in world.processing.requests[-1]["ProcessingInputs"]]
    assert f"s3://{BUCKET}/mine/constraints.json" in given


def test_a_job_that_is_not_there_is_told_of_at_once(world: World) -> None:
    request = definition("ModelBias", **named("ModelBias"))
    with pytest.raises(ValidationError, match="Could not find the processing job 'making'"):
        world.call("CreateModelBiasJobDefinition", **request)


def test_an_execution_fails_while_its_baseline_is_being_made(world: World) -> None:
    make_baseline(world, status="InProgress")
    world.define("ModelBias", **named("ModelBias"))
    look(world, "ModelBias")
    [execution] = world.executions()
    assert execution["MonitoringExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == (
        "the baseline's job making is InProgress: there is nothing to compare"
    )
    assert not world.processing.requests
