"""`model_tuner_builtin`: what it asks for, its defaults, and what it is refused for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.orchestrator.errors import BadRequest
from tests.orchestrator.platform import IMAGE, Platform
from tests.orchestrator.tuner import TUNING, tuner
from tests.orchestrator.world import caller, new_store

KIND = "hyper-parameter-tuning-job"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with new_store() as store:
        platform = Platform(store, tmp_path)
        platform.upload("data/train.csv", "data/validation.csv")
        yield platform


async def asked(platform: Platform, **changes: Any) -> dict[str, Any]:
    """Return the tuning job that a request makes."""
    await platform.provision(tuner(**changes))
    [job] = [thing for (kind, _), thing in platform.toys.things.items() if kind == KIND]
    return {"name": job.name, "tags": job.tags, **job.members}


async def refusal(platform: Platform, **changes: Any) -> list[str]:
    """Return what is wrong with a request, and see that nothing was made."""
    with pytest.raises(BadRequest) as caught:
        await platform.provision(tuner(**changes))
    assert platform.toys.things == {}
    return caught.value.problems


async def test_what_a_tuning_pipeline_asks_for_is_as_the_api_says(platform: Platform) -> None:
    job = await asked(platform, job_name="mine")
    assert job["HyperParameterTuningJobConfig"] == {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {
            "ContinuousParameterRanges": [
                {"Name": "min_child_weight", "MinValue": "0", "MaxValue": "120"}
            ],
            "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "15"}],
            "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
        },
        "TrainingJobEarlyStoppingType": "Auto",
    }
    definition = job["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {
        "num_round": "10",
        "objective": "binary:logistic",
    }
    assert definition["AlgorithmSpecification"] == {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
    }
    channels = [channel["ChannelName"] for channel in definition["InputDataConfig"]]
    assert channels == ["train", "validation"]
    assert definition["OutputDataConfig"] == {"S3OutputPath": "s3://assets/models"}
    assert definition["ResourceConfig"] == {
        "InstanceType": "ml.m4.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 20,
    }
    assert definition["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 86400,
        "MaxWaitTimeInSeconds": 172800,
    }
    assert definition["EnableManagedSpotTraining"] is True
    assert definition["EnableInterContainerTrafficEncryption"] is True
    assert platform.engine.outputs(platform.stack_named(TUNING)) == {
        "TrainingDataLocation": "s3://assets/data/train.csv",
        "TrainingJobName": "mine",
        "TrainingJobOutputLocation": "s3://assets/models/",
        "ValidationDataLocation": "s3://assets/data/validation.csv",
    }


async def test_the_defaults_are_the_sdks(platform: Platform) -> None:
    job = await asked(platform, tuner_configs={"objective_metric_name": "validation:auc"})
    config = job["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 1,
        "MaxParallelTrainingJobs": 1,
    }
    assert config["Strategy"] == "Bayesian"
    assert config["TrainingJobEarlyStoppingType"] == "Off"
    assert re.fullmatch("Churn-tuner-[0-9a-f]{4}", job["name"])


async def test_all_arguments_of_the_tuner_arrive(platform: Platform) -> None:
    job = await asked(
        platform,
        tuner_configs={
            "objective_metric_name": "mine",
            "metric_definitions": [{"Name": "mine", "Regex": "mine=(.*)"}],
            "strategy": "Hyperband",
            "strategy_config": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}},
            "objective_type": "Minimize",
            "max_jobs": 5,
            "max_parallel_jobs": 3,
            "max_runtime_in_seconds": 3600,
            "base_tuning_job_name": "night",
            "early_stopping_type": "Off",
            "random_seed": 3,
        },
    )
    config = job["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "mine"}
    assert config["StrategyConfig"]["HyperbandStrategyConfig"] == {
        "MinResource": 1,
        "MaxResource": 9,
    }
    assert config["ResourceLimits"]["MaxRuntimeInSeconds"] == 3600
    assert config["RandomSeed"] == 3
    algorithm = job["TrainingJobDefinition"]["AlgorithmSpecification"]
    assert algorithm["MetricDefinitions"] == [{"Name": "mine", "Regex": "mine=(.*)"}]
    assert re.fullmatch("night-[0-9a-f]{4}", job["name"])


async def test_both_spellings_and_json_text_mean_the_same(platform: Platform) -> None:
    job = await asked(
        platform,
        hyperparamaters_ranges=...,
        hyperparameters_ranges='{"eta": ["continuous", ["0.1", 0.5]]}',
        algo_hyperparamaters=...,
        algo_hyperparameters='{"num_round": 3, "objective": "reg:logistic"}',
        tuner_configs='{"objective_metric_name": "validation:auc", "max_jobs": null}',
    )
    ranges = job["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert ranges == {
        "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}]
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tuner_configs": ...}, "does not have the necessary parameter: tuner_configs"),
        ({"hyperparamaters_ranges": ...}, "necessary parameter: hyperparamaters_ranges"),
        ({"tuner_configs": {}}, "tuner_configs: objective_metric_name is missing"),
        ({"tuner_configs": []}, "tuner_configs: must be a JSON object"),
        (
            {"tuner_configs": {"objective_metric_name": "validation:auc", "max_job": 3}},
            "max_job is no argument that is offered: did you mean max_jobs?",
        ),
        (
            {"tuner_configs": {"objective_metric_name": "validation:auc", "max_jobs": 0}},
            "tuner_configs: max_jobs 0 must be an integer >= 1",
        ),
        (
            {"tuner_configs": {"objective_metric_name": "validation:auc", "strategy": "Best"}},
            'strategy "Best" must be one of Bayesian, Random, Grid, Hyperband',
        ),
        (
            {"tuner_configs": {"objective_metric_name": "validation:auk"}},
            "tuner_configs: the objective 'validation:auk' is no metric of the image",
        ),
        (
            {
                "tuner_configs": {
                    "objective_metric_name": "validation:auc",
                    "max_parallel_jobs": 3,
                }
            },
            "tuner_configs: MaxParallelTrainingJobs 3 is more than the 1 training jobs",
        ),
        (
            {"hyperparamaters_ranges": {"eta": ["continuous", [0.5, 0.1]]}},
            "hyperparamaters_ranges: eta: MinValue 0.5 is greater than MaxValue 0.1",
        ),
        (
            {"hyperparamaters_ranges": {"eta": ["continuous", [0.5, 1.5]]}},
            "hyperparamaters_ranges: eta=1.5 must be a number in [0, 1]",
        ),
        (
            {"hyperparamaters_ranges": {"etta": ["continuous", [0.5, 0.6]]}},
            "hyperparamaters_ranges: etta=0.5 is not a hyperparameter of this image",
        ),
        (
            {"hyperparamaters_ranges": {"eta": ["float", [0, 1]]}},
            'hyperparamaters_ranges: eta: "float" must be one of continuous, integer, categorical',
        ),
        (
            {"hyperparamaters_ranges": {"eta": [0, 1]}},
            "hyperparamaters_ranges: eta: [0, 1] must be as",
        ),
        (
            {"hyperparamaters_ranges": {"eta": ["continuous", [1]]}},
            "eta: [1] must be [least, greatest]",
        ),
        ({"hyperparamaters_ranges": {}}, "must be a JSON object that is not empty"),
        (
            {"hyperparamaters_ranges": {"num_round": ["integer", [1, 9]]}},
            "hyperparamaters_ranges: num_round has a range, and is '10' in StaticHyperParameters",
        ),
        ({"job_name": "a-name-of-more-than-32-characters"}, "job_name: "),
        ({"training_data": "gone/train.csv"}, "training_data: there are no objects"),
    ],
)
async def test_what_is_wrong_is_told_by_its_attribute_before_anything_is_made(
    platform: Platform, changes: dict[str, Any], said: str
) -> None:
    found = await refusal(platform, **changes)
    assert any(said in problem for problem in found), found


async def test_a_tuning_job_that_fails_after_its_stack_succeeded_is_shown(
    platform: Platform,
) -> None:
    answer = await platform.provision(tuner(job_name="mine"))
    job = platform.toys.things[KIND, "mine"]
    job.status, job.failure = "Failed", "ClientError: no line has a number"
    [shown] = platform.state(answer["pipeline_id"])["jobs"]
    assert shown["jobName"] == "mine"
    assert shown["status"] == "Failed"
    assert shown["failureReason"] == "ClientError: no line has a number"


async def test_its_tuning_job_stops_and_stays_when_a_pipeline_is_deleted(
    platform: Platform,
) -> None:
    await platform.provision(tuner(job_name="mine"))
    said = platform.service.delete(caller(), {"pipeline_name": TUNING})
    assert platform.toys.things[KIND, "mine"].arn in said["retained"]
    await platform.run()
    assert platform.toys.things[KIND, "mine"].status == "Stopped"
