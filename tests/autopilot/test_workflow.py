"""An Autopilot job's life: its training job, its end, and what a crash leaves of it."""

from __future__ import annotations

import asyncio

import pytest

from modelyard.operations.errors import AccessDenied, ResourceInUse, ResourceNotFound
from tests.autopilot.toys import candidate
from tests.autopilot.world import MODEL, Dead, World, until

RESOLVED = {"problem_type": "BinaryClassification", "objective": "AUC", "why": "two values"}


async def test_it_shows_what_its_training_job_tells_and_ends_with_it(world: World) -> None:
    running = await world.begin(Tags=[{"Key": "team", "Value": "blue"}])
    training = world.training
    training.tell(phase="AnalyzingData")
    await world.until_secondary("AnalyzingData")
    training.tell(resolved=RESOLVED)
    training.tell(phase="ModelTuning")
    training.tell(candidate=candidate(0, 0.8))
    training.tell(candidate=candidate(1))
    await until(lambda: len(world.candidates()) == 2)
    shown = world.describe()
    assert shown["AutoMLJobSecondaryStatus"] == "ModelTuning"
    assert shown["BestCandidate"]["CandidateName"] == "search-001"
    assert "InferenceContainers" not in shown["BestCandidate"]  # which is not uploaded yet
    training.tell(candidate=candidate(1, 0.9))
    training.tell(ended_by="MaxCandidatesReached", best="search-002")
    training.end()
    await running
    job = world.describe()
    assert job["AutoMLJobStatus"] == job["AutoMLJobSecondaryStatus"] == "Completed"
    best = job["BestCandidate"]
    assert best["FinalAutoMLJobObjectiveMetric"] == {
        "Type": "Maximize",
        "MetricName": "AUC",
        "StandardMetricName": "AUC",
        "Value": 0.9,
    }
    [container] = best["InferenceContainers"]
    assert container["ModelDataUrl"] == f"{MODEL}search-002/model.tar.gz"
    assert "probabilities" in container["Environment"]["SAGEMAKER_INFERENCE_SUPPORTED"]
    places = best["CandidateProperties"]["CandidateArtifactLocations"]
    assert places["Explainability"].endswith("/output/data/explainability/search-002")
    assert [*map(str, job["AutoMLJobArtifacts"])] == [
        "DataExplorationNotebookLocation",
        "CandidateDefinitionNotebookLocation",
    ]
    with world.store.read() as snapshot:
        assert snapshot.tags(training.job) == {"team": "blue"}


async def test_its_training_job_is_told_all_that_was_asked(world: World) -> None:
    running = await world.begin(
        AutoMLJobConfig={
            "CompletionCriteria": {
                "MaxCandidates": 3,
                "MaxRuntimePerTrainingJobInSeconds": 60,
                "MaxAutoMLJobRuntimeInSeconds": 600,
            },
            "SecurityConfig": {
                "EnableInterContainerTrafficEncryption": True,
                "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
            },
        }
    )
    spec = world.training.job.spec
    created = world.describe()["CreationTime"].timestamp()
    told = dict(spec["HyperParameters"])
    assert float(told.pop("deadline")) == pytest.approx(created + 600)
    assert told == {
        "target": "y",
        "max_candidates": "3",
        "max_seconds_per_candidate": "60",
        "algorithms": "lightgbm,xgboost,linear-learner",
        "definitions_only": "false",
        "candidate_prefix": "search",
        "data_uri": "s3://bucket/data",
    }
    assert spec["OutputDataConfig"]["S3OutputPath"] == "s3://bucket/out/search"
    assert spec["VpcConfig"]["Subnets"] == ["subnet-1"]
    assert spec["EnableInterContainerTrafficEncryption"] is True
    assert spec["EnableNetworkIsolation"] is True
    world.training.end("Failed", "ClientError: no")
    await running


@pytest.mark.parametrize(
    ("ended_by", "secondary"),
    [
        ("MaxAutoMLJobRuntimeReached", "MaxAutoMLJobRuntimeReached"),
        ("CandidateDefinitionsGenerated", "CandidateDefinitionsGenerated"),
        ("MaxCandidatesReached", "Completed"),
    ],
)
async def test_the_last_status_says_why_it_ended(
    world: World, ended_by: str, secondary: str
) -> None:
    running = await world.begin()
    world.training.tell(ended_by=ended_by, best=None)
    world.training.end()
    await running
    assert world.describe()["AutoMLJobSecondaryStatus"] == secondary


async def test_a_training_job_that_fails_fails_it_for_the_same_reason(world: World) -> None:
    running = await world.begin()
    world.training.tell(resolved=RESOLVED)
    world.training.tell(candidate=candidate(0))
    world.training.end("Failed", "ClientError: there is no column 'y'")
    await running
    job = world.describe()
    assert job["AutoMLJobStatus"] == job["AutoMLJobSecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: there is no column 'y'"
    [shown] = world.candidates()
    assert (shown["CandidateStatus"], shown["ObjectiveStatus"]) == ("Failed", "Failed")


async def test_stopping_stops_its_training_job_and_keeps_what_is_finished(world: World) -> None:
    running = await world.begin()
    world.training.tell(resolved=RESOLVED)
    world.training.tell(candidate=candidate(0, 0.8))
    world.training.tell(candidate=candidate(1))
    await until(lambda: len(world.candidates()) == 2)
    world.call("StopAutoMLJob", AutoMLJobName="search")
    await until(lambda: bool(world.training.stopped))
    world.training.end("Stopped")
    await running
    assert world.describe()["AutoMLJobStatus"] == "Stopped"
    first, second = world.candidates()
    assert first["InferenceContainers"][0]["ModelDataUrl"] == f"{MODEL}search-001/model.tar.gz"
    assert (second["CandidateStatus"], second["ObjectiveStatus"]) == ("Stopped", "Failed")


async def test_one_that_is_stopped_ahead_of_its_training_job_makes_none(world: World) -> None:
    arn = world.create()
    world.call("StopAutoMLJob", AutoMLJobName="search")
    await world.workflow.run(arn)
    assert world.training.created == []
    assert world.describe()["AutoMLJobStatus"] == "Stopped"


async def test_one_whose_creator_may_not_train_fails_and_says_so(world: World) -> None:
    world.training.refusal = AccessDenied("you may not")
    await world.workflow.run(world.create())
    job = world.describe()
    assert job["AutoMLJobStatus"] == "Failed"
    assert "the training job cannot be created: you may not" in job["FailureReason"]


async def test_a_training_job_that_somebody_else_stopped_fails_it(world: World) -> None:
    running = await world.begin()
    world.training.end("Stopped")
    await running
    job = world.describe()
    assert job["AutoMLJobStatus"] == "Failed"
    assert "was stopped, and not by the Autopilot job" in job["FailureReason"]


async def test_a_crash_after_its_training_job_was_created_makes_no_second_one(
    world: World,
) -> None:
    world.training.dies = True
    with pytest.raises(Dead):
        await world.workflow.run(world.create())
    world.training.dies = False
    world.restart()
    running = asyncio.create_task(world.workflow.run(world.begun[0]))
    world.training.tell(resolved=RESOLVED)
    world.training.tell(candidate=candidate(0, 0.8))
    await until(lambda: len(world.candidates()) == 1)
    world.training.tell(ended_by="MaxCandidatesReached", best="search-001")
    world.training.end()
    await running
    assert len(world.training.created) == 1
    assert world.describe()["AutoMLJobStatus"] == "Completed"


async def test_a_run_that_takes_over_hears_the_whole_log_again(world: World) -> None:
    running = await world.begin()
    world.training.tell(resolved=RESOLVED)
    world.training.tell(candidate=candidate(0, 0.8))
    await until(lambda: len(world.candidates()) == 1)
    running.cancel()
    world.restart()
    again = asyncio.create_task(world.workflow.run(world.begun[0]))
    world.training.tell(candidate=candidate(1, 0.7))
    world.training.tell(ended_by="MaxCandidatesReached", best="search-001")
    world.training.end()
    await again
    assert len(world.candidates()) == 2
    assert world.describe()["BestCandidate"]["CandidateName"] == "search-001"


async def test_names_are_taken_once_and_unknown_ones_are_told(world: World) -> None:
    world.create()
    with pytest.raises(ResourceInUse, match="already exists"):
        world.create()
    with pytest.raises(ResourceNotFound):
        world.describe("nobody")
    assert world.candidates() == []
