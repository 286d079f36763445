"""A tuning job's life: its trials, its end, and what a crash leaves of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard.operations.errors import AccessDenied, ResourceInUse
from tests.tuning.toys import request
from tests.tuning.world import METRIC, REGEX, Dead, World, by_eta, until

Ended = tuple[str, float | None, str | None]
CATEGORIES = {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["0.1", "0.3", "0.2"]}]}


def names(world: World) -> list[str]:
    return [trial["TrainingJobName"] for trial in world.listed(MaxResults=100)]


def values(world: World) -> list[float]:
    return [
        trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for trial in world.listed(MaxResults=100)
    ]


async def test_a_tuning_job_makes_its_training_jobs_and_finds_the_best(world: World) -> None:
    job = await world.carry_out(by_eta, Tags=[{"Key": "team", "Value": "blue"}])
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 4
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    best = job["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == max(values(world))
    assert job["HyperParameterTuningEndTime"] >= job["CreationTime"]
    # As the service shows it, and as the SDK needs it to attach to a tuning job.
    static = job["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static == {"num_round": "9", "_tuning_objective_metric": METRIC}
    algorithm = job["TrainingJobDefinition"]["AlgorithmSpecification"]
    assert algorithm["MetricDefinitions"] == [{"Name": METRIC, "Regex": REGEX}]
    row = world.training.job(best["TrainingJobName"])
    assert row.spec["HyperParameters"] == {
        "num_round": "9",
        "_tuning_objective_metric": METRIC,
        **best["TunedHyperParameters"],
    }
    with world.store.read() as snapshot:
        assert snapshot.tags(row) == {"team": "blue"}
    assert [name[:11] for name in names(world)] == [f"search-00{i}-" for i in range(1, 5)]
    assert all(len(name) == len("search-001-") + 8 for name in names(world))


async def test_a_row_says_which_tuning_job_it_is_of(world: World) -> None:
    await world.carry_out(by_eta)
    for name in names(world):
        observed = world.training.job(name).observed
        assert observed["tuning"]["arn"] == world.describe()["HyperParameterTuningJobArn"]


async def test_no_more_run_at_once_than_may(world: World) -> None:
    await world.carry_out(by_eta, most=3, MaxParallelTrainingJobs=3, MaxNumberOfTrainingJobs=8)
    assert len(names(world)) == 8


@pytest.mark.parametrize("strategy", ["Bayesian", "Random"])
async def test_the_same_seed_and_results_give_the_same_trials(world: World, strategy: str) -> None:
    tuned = []
    for name in ("one", "two"):
        await world.carry_out(by_eta, name, Strategy=strategy, MaxNumberOfTrainingJobs=7)
        found = world.listed(name, MaxResults=100)
        tuned.append([trial["TunedHyperParameters"] for trial in found])
    assert tuned[0] == tuned[1]


async def test_without_a_seed_two_tuning_jobs_try_different_things(world: World) -> None:
    tuned = []
    for name in ("one", "two"):
        await world.carry_out(by_eta, name, RandomSeed=None)
        tuned.append([trial["TunedHyperParameters"] for trial in world.listed(name)])
    assert tuned[0] != tuned[1]


async def test_a_grid_is_tried_as_a_whole(world: World) -> None:
    job = await world.carry_out(
        by_eta, Strategy="Grid", ParameterRanges=CATEGORIES, MaxNumberOfTrainingJobs=None
    )
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"eta": "0.3"}
    assert sorted(values(world)) == [0.1, 0.2, 0.3]


async def test_hyperband_gives_the_better_ones_more_rounds(world: World) -> None:
    await world.carry_out(
        by_eta,
        most=2,
        Strategy="Hyperband",
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1}},
        MaxNumberOfTrainingJobs=13,
        MaxParallelTrainingJobs=2,
        RandomSeed=None,
    )
    trials = world.listed(MaxResults=100)
    rounds = [trial["TunedHyperParameters"]["num_round"] for trial in trials]
    assert rounds == ["1"] * 9 + ["3"] * 3 + ["9"]
    etas = [float(trial["TunedHyperParameters"]["eta"]) for trial in trials]
    assert sorted(etas[9:12], reverse=True) == sorted(etas[:9], reverse=True)[:3]
    assert etas[12] == max(etas)


async def test_several_definitions_take_turns(world: World) -> None:
    made = request()

    def definition(name: str, low: str, high: str) -> dict[str, Any]:
        return {
            **made["TrainingJobDefinition"],
            "DefinitionName": name,
            "TuningObjective": {"Type": "Maximize", "MetricName": METRIC},
            "HyperParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "eta", "MinValue": low, "MaxValue": high}]
            },
        }

    job = await world.carry_out(
        by_eta,
        ParameterRanges=None,
        HyperParameterTuningJobObjective=None,
        TrainingJobDefinitions=[definition("low", "0.1", "0.2"), definition("high", "0.8", "0.9")],
    )
    found = [trial["TrainingJobDefinitionName"] for trial in world.listed()]
    assert found == ["low", "high", "low", "high"]
    assert job["BestTrainingJob"]["TrainingJobDefinitionName"] == "high"


# --- how it ends


async def test_stopping_stops_its_trials_and_leaves_the_best(world: World) -> None:
    running = asyncio.create_task(world.workflow.run(world.create(MaxParallelTrainingJobs=2)))
    await until(lambda: len(world.training.created) == 2)
    world.training.end(world.training.created[0], 0.3)
    await until(lambda: len(world.training.created) == 3)
    world.stop()
    await until(lambda: all(job.status == "Stopping" for job in world.training.active()))
    assert world.describe()["HyperParameterTuningJobStatus"] == "Stopping"
    for active in world.training.active():
        world.training.end(active.name, status="Stopped")
    await running
    job = world.describe()
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    assert job["BestTrainingJob"]["TrainingJobName"] == world.training.created[0]


async def test_at_the_target_what_still_runs_is_stopped(world: World) -> None:
    running = asyncio.create_task(
        world.workflow.run(
            world.create(
                MaxParallelTrainingJobs=2,
                TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 0.3},
            )
        )
    )
    await until(lambda: len(world.training.created) == 2)
    first, second = world.training.created
    world.training.end(first, 0.35)
    await until(lambda: world.training.job(second).status == "Stopping")
    world.training.end(second, status="Stopped")
    await running
    job = world.describe()
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TrainingJobName"] == first
    assert len(world.training.created) == 2


async def test_an_objective_that_no_line_matches_fails_with_the_last_lines(world: World) -> None:
    def silent(_: Mapping[str, str]) -> Ended:
        name = world.training.created[-1]
        where = ("123456789012", "us-east-1", "/aws/sagemaker/TrainingJobs")
        with world.logs.writer(*where, f"{name}/algo-1-1") as writer:
            writer.write("validation accuracy is 0.7")
        return "Completed", None, None

    job = await world.carry_out(silent, MaxNumberOfTrainingJobs=50)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "validation accuracy is 0.7" in job["FailureReason"]
    assert REGEX in job["FailureReason"]
    assert METRIC in job["FailureReason"]
    assert len(names(world)) == 5
    assert world.training.active() == []


async def test_where_all_fail_the_last_ones_reason_is_told(world: World) -> None:
    job = await world.carry_out(lambda _: ("Failed", None, "AlgorithmError: no label"))
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "AlgorithmError: no label" in job["FailureReason"]
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 4


async def test_one_that_fails_spoils_nothing(world: World) -> None:
    def unlucky(hyperparameters: Mapping[str, str]) -> Ended:
        if len(world.training.created) == 2:
            return "Failed", None, "AlgorithmError: no"
        return by_eta(hyperparameters)

    job = await world.carry_out(unlucky)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 1}


async def test_a_failure_of_the_servers_is_retried_by_the_training_job_itself(
    world: World,
) -> None:
    job = await world.carry_out(
        lambda _: ("Failed", None, "InternalServerError: full"),
        RetryStrategy={"MaximumRetryAttempts": 3},
    )
    assert job["TrainingJobStatusCounters"]["RetryableError"] == 4
    spec = world.training.job(names(world)[0]).spec
    assert spec["RetryStrategy"] == {"MaximumRetryAttempts": 3}


async def test_what_its_creator_may_not_do_any_more_ends_it(world: World) -> None:
    def forbid(hyperparameters: Mapping[str, str]) -> Ended:
        world.training.refuse = lambda _: AccessDenied("you may not train")
        return by_eta(hyperparameters)

    job = await world.carry_out(forbid, most=2, MaxParallelTrainingJobs=2)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "you may not train" in job["FailureReason"]
    assert world.training.active() == []


async def test_a_defect_ends_it_and_what_it_began(world: World) -> None:
    arn = world.create(MaxParallelTrainingJobs=2)
    running = asyncio.create_task(world.workflow.run(arn))
    await until(lambda: len(world.training.created) == 2)
    world.trials.renewed = lambda *_: 1 / 0  # type: ignore[assignment]
    world.training.end(world.training.created[0], 0.3)
    await running
    job = world.describe()
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ZeroDivisionError")
    assert [job.status for job in world.training.active()] == ["Stopping"]


# --- early stopping


def report(world: World, name: str, values: list[float]) -> None:
    writer = world.series.writer(world.training.job(name), resumes=False)
    for step, value in enumerate(values):
        writer.record({METRIC: value}, f"[{step}] validation-auc:{value}")


async def test_a_bad_trial_is_stopped_while_it_runs_and_a_good_one_is_not(world: World) -> None:
    asked: dict[str, Any] = {
        "MaxNumberOfTrainingJobs": 5,
        "TrainingJobEarlyStoppingType": "Auto",
    }
    running = asyncio.create_task(world.workflow.run(world.create(**asked)))
    for number, level in enumerate([0.5, 0.6, 0.7]):
        await until(lambda count=number + 1: len(world.training.created) == count)  # type: ignore[misc]
        name = world.training.created[-1]
        report(world, name, [level, level + 0.1, level + 0.2])
        world.training.end(name, level + 0.2)
    await until(lambda: len(world.training.created) == 4)
    bad = world.training.created[-1]
    report(world, bad, [0.3, 0.4])
    await until(lambda: world.training.job(bad).status == "Stopping")
    world.training.end(bad, 0.4, "Stopped")
    await until(lambda: len(world.training.created) == 5)
    good = world.training.created[-1]
    report(world, good, [0.6, 0.8])
    await asyncio.sleep(0.3)
    assert world.training.job(good).status == "InProgress"
    world.training.end(good, 0.8)
    await running
    job = world.describe()
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 5


# --- crashes


async def test_a_server_that_starts_again_repeats_nothing(world: World) -> None:
    arn = world.create(Strategy="Bayesian", MaxNumberOfTrainingJobs=8)
    for crash_after in (1, 3, 4):
        running = asyncio.create_task(world.workflow.run(arn))
        attending = asyncio.create_task(world.attend(running, by_eta))
        await until(lambda count=crash_after: len(world.training.created) >= count)  # type: ignore[misc]
        running.cancel()
        await asyncio.gather(running, attending, return_exceptions=True)
        world.restart()
    await world.attend(asyncio.create_task(world.workflow.run(arn)), by_eta)
    interrupted = [trial["TunedHyperParameters"] for trial in world.listed(MaxResults=100)]
    assert len(interrupted) == len(world.training.created) == 8
    assert world.describe()["TrainingJobStatusCounters"]["Completed"] == 8
    await world.carry_out(by_eta, "whole", Strategy="Bayesian", MaxNumberOfTrainingJobs=8)
    whole = [trial["TunedHyperParameters"] for trial in world.listed("whole", MaxResults=100)]
    assert interrupted == whole


async def test_a_trial_that_was_created_just_ahead_of_a_crash_is_found_again(
    world: World,
) -> None:
    arn = world.create()
    world.training.dies = True
    with pytest.raises(Dead):
        await world.workflow.run(arn)
    assert len(world.training.created) == 1
    world.training.dies = False
    world.restart()
    await world.attend(asyncio.create_task(world.workflow.run(arn)), by_eta)
    assert len(world.training.created) == len(names(world)) == 4
    assert world.describe()["HyperParameterTuningJobStatus"] == "Completed"


async def test_a_job_of_somebody_else_under_a_trials_name_is_not_taken(world: World) -> None:
    world.training.refuse = lambda name: ResourceInUse(f"{name} is there")
    job = await world.carry_out(by_eta)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "is there" in job["FailureReason"]


async def test_a_later_tuning_job_of_the_same_name_has_trials_of_its_own(world: World) -> None:
    await world.carry_out(by_eta)
    before = names(world)
    world.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName="search")
    await world.carry_out(by_eta)
    assert len(names(world)) == 4
    assert not {*before} & {*names(world)}


# --- warm start


def warm(kind: str, *parents: str) -> dict[str, Any]:
    return {
        "WarmStartType": kind,
        "ParentHyperParameterTuningJobs": [
            {"HyperParameterTuningJobName": parent} for parent in parents
        ],
    }


async def test_a_warm_start_knows_its_parents_trials(world: World) -> None:
    await world.carry_out(by_eta, "parent", MaxNumberOfTrainingJobs=12)
    job = await world.carry_out(
        lambda texts: ("Completed", float(texts["eta"]) / 2, None),
        Strategy="Bayesian",
        WarmStartConfig=warm("IdenticalDataAndAlgorithm", "parent"),
    )
    assert job["OverallBestTrainingJob"]["TuningJobName"] == "parent"
    assert job["BestTrainingJob"]["TuningJobName"] == "search"
    cold = await world.carry_out(by_eta, "cold", Strategy="Bayesian")
    assert "OverallBestTrainingJob" not in cold
    tuned = [[t["TunedHyperParameters"] for t in world.listed(n)] for n in ("search", "cold")]
    assert tuned[0] != tuned[1]


async def test_learning_transfers_from_several_parents(world: World) -> None:
    for parent in ("a", "b"):
        await world.carry_out(by_eta, parent)
    job = await world.carry_out(
        by_eta,
        Strategy="Bayesian",
        ParameterRanges={
            "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.2", "MaxValue": "0.9"}]
        },
        WarmStartConfig=warm("TransferLearning", "a", "b"),
    )
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert "OverallBestTrainingJob" not in job
