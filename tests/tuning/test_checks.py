"""What a tuning job is refused for: all of it at once, with the value, the rule and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.operations.errors import ResourceNotFound, ValidationError
from tests.tuning.toys import RANGES, request
from tests.tuning.world import World, by_eta


def refusal(world: World, **overrides: Any) -> str:
    """Return why a tuning job is not created, and see that nothing was."""
    with pytest.raises(ValidationError) as caught:
        world.create(**overrides)
    with pytest.raises(ResourceNotFound):
        world.describe()
    assert world.begun == []
    return caught.value.message


def numeric(low: str, high: str, scaling: str = "Auto", *, kind: str = "Continuous") -> Any:
    entry = {"Name": "eta", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return {"ParameterRanges": {f"{kind}ParameterRanges": [entry]}}


def criteria(**members: Any) -> Any:
    return {"TuningJobCompletionCriteria": members}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (numeric("0.5", "0.1"), "eta: MinValue 0.5 is greater than MaxValue 0.1"),
        (numeric("0", "1", "Logarithmic"), "eta: ScalingType Logarithmic is for values greater"),
        (numeric("-1", "1", "Logarithmic"), "MinValue is -1"),
        (numeric("0.5", "1", "ReverseLogarithmic"), "from 0 on and below 1"),
        (numeric("1", "9", "ReverseLogarithmic", kind="Integer"), "for continuous ranges"),
        (numeric("low", "1"), "eta: 'low' is not a finite number"),
        (numeric("nan", "1"), "eta: 'nan' is not a finite number"),
        (numeric("0.5", "1", kind="Integer"), "eta: '0.5' is not an integer"),
        (numeric("0.5", "2"), "eta=2.0 must be a number in [0, 1]"),
        ({"ParameterRanges": {}}, "there is no range"),
        ({"StaticHyperParameters": {"eta": "0.3"}}, "eta has a range, and is '0.3'"),
        ({"StaticHyperParameters": {"etta": "1"}}, "etta=1 is no hyperparameter"),
        ({"StaticHyperParameters": {"_tuning_objective_metric": "m"}}, "is the tuning job's own"),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "valid:auc"}},
            "'valid:auc' is no metric of the image, and MetricDefinitions has none of that name: "
            "did you mean validation:auc?",
        ),
        ({"MaxParallelTrainingJobs": 5}, "MaxParallelTrainingJobs 5 is more than the 4"),
        ({"MaxNumberOfTrainingJobs": None}, "nothing limits the tuning job"),
        ({"MaxNumberOfTrainingJobs": 99_999}, "at most 10000 are offered"),
        ({"MaxNumberOfTrainingJobs": 0}, "greater than or equal to 1"),
        ({"Strategy": "Grid"}, "eta: Grid searches categories only"),
        ({"Strategy": "Hyperband", "StaticHyperParameters": {}}, "put one of num_round, epochs"),
        (
            {"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"},
            "does not go with Strategy Hyperband",
        ),
        (
            {
                "Strategy": "Hyperband",
                "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 9, "MaxResource": 3}},
            },
            "MinResource 9 is greater than MaxResource 3",
        ),
        (
            {"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 3}}},
            "StrategyConfig is for Strategy Hyperband, not for Random",
        ),
        (
            criteria(ConvergenceDetected={"CompleteOnConvergence": "Enabled"}),
            "ConvergenceDetected is not offered: use BestObjectiveNotImproving",
        ),
        ({"Autotune": {"Mode": "Enabled"}}, "Autotune is for AutoParameters"),
        (
            {"ParameterRanges": {"AutoParameters": [{"Name": "eta", "ValueHint": "small"}]}},
            "eta: ValueHint 'small' is no number greater than 0",
        ),
        (
            {
                "WarmStartConfig": {
                    "WarmStartType": "TransferLearning",
                    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "gone"}],
                }
            },
            "there is no tuning job 'gone'",
        ),
        (
            {
                "WarmStartConfig": {
                    "WarmStartType": "TransferLearning",
                    "ParentHyperParameterTuningJobs": [{}],
                }
            },
            "a parent has no HyperParameterTuningJobName",
        ),
        (
            {"HyperParameterTuningResourceConfig": {"InstanceType": "ml.m5.large"}},
            "give either ResourceConfig or HyperParameterTuningResourceConfig",
        ),
        ({"TrainingJobDefinition": None}, "TrainingJobDefinition is missing"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value_and_the_rule(
    world: World, overrides: dict[str, Any], said: str
) -> None:
    assert said in refusal(world, **overrides)


def test_a_grid_that_is_larger_than_stated_is_refused(world: World) -> None:
    values = {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["0.1", "0.2", "0.3"]}]}
    said = refusal(world, Strategy="Grid", ParameterRanges=values, MaxNumberOfTrainingJobs=2)
    assert "MaxNumberOfTrainingJobs is 2, and the grid has 3 combinations: give 3" in said


def test_all_problems_come_at_once(world: World) -> None:
    said = refusal(
        world,
        ParameterRanges={
            "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "2", "MaxValue": "1"}],
            "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1.5", "MaxValue": "3"}],
            "CategoricalParameterRanges": [{"Name": "eta", "Values": ["x", "x"]}],
        },
        HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "no"},
    )
    assert said.startswith("5 validation errors detected: ")
    for part in ("eta has two ranges", "MinValue 2", "'1.5'", "'x' is given twice", "'no'"):
        assert part in said


def test_what_a_training_job_would_be_refused_for_refuses_the_tuning_job(world: World) -> None:
    world.training.found = ["OutputDataConfig.S3OutputPath: there is no bucket 'x'"]
    assert "there is no bucket 'x'" in refusal(world)


def test_of_several_definitions_the_wrong_one_is_named(world: World) -> None:
    whole = request()
    one = {
        **whole["TrainingJobDefinition"],
        "TuningObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "HyperParameterRanges": RANGES,
    }
    said = refusal(
        world,
        TrainingJobDefinitions=[
            {**one, "DefinitionName": "a"},
            {**one, "DefinitionName": "b", "StaticHyperParameters": {"eta": "1"}},
        ],
    )
    assert "definition 'b': eta has a range" in said
    assert "definition 'a'" not in said


def test_both_directions_at_once_have_no_best(world: World) -> None:
    whole = request()
    ways = [
        {
            **whole["TrainingJobDefinition"],
            "DefinitionName": way,
            "TuningObjective": {"Type": way, "MetricName": "validation:auc"},
            "HyperParameterRanges": RANGES,
        }
        for way in ("Maximize", "Minimize")
    ]
    assert "both maximized and minimized" in refusal(world, TrainingJobDefinitions=ways)


def test_a_metric_of_the_definitions_own_may_be_the_objective(world: World) -> None:
    world.create(
        AlgorithmSpecification={
            "TrainingImage": "toy",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "mine", "Regex": "mine=(.*)"}],
        },
        HyperParameterTuningJobObjective={"Type": "Minimize", "MetricName": "mine"},
    )


def test_the_first_of_several_instance_types_is_used(world: World) -> None:
    config = {
        "AllocationStrategy": "Prioritized",
        "InstanceConfigs": [
            {"InstanceType": kind, "InstanceCount": 1, "VolumeSizeInGB": 2}
            for kind in ("ml.m5.xlarge", "ml.m5.large")
        ],
    }
    world.create(ResourceConfig=None, HyperParameterTuningResourceConfig=config)
    [asked] = world.training.asked
    assert asked["ResourceConfig"] == config["InstanceConfigs"][0]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "m"}},
            "'m' is no metric",
        ),
        (
            {
                "HyperParameterTuningJobObjective": {
                    "Type": "Minimize",
                    "MetricName": "validation:auc",
                }
            },
            "has the objective Maximize validation:auc, and not Minimize validation:auc",
        ),
        ({"Strategy": "Hyperband"}, "WarmStartConfig is for Strategy Bayesian and Random"),
    ],
)
async def test_a_parent_must_have_looked_for_the_same(
    world: World, overrides: dict[str, Any], said: str
) -> None:
    await world.carry_out(by_eta, "parent")
    warm = {
        "WarmStartType": "IdenticalDataAndAlgorithm",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
    }
    with pytest.raises(ValidationError) as caught:
        world.create(WarmStartConfig=warm, **overrides)
    assert said in caught.value.message


async def test_identical_data_is_identical(world: World) -> None:
    def data(prefix: str) -> list[dict[str, Any]]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/{prefix}"}
        return [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]

    await world.carry_out(by_eta, "parent", InputDataConfig=None)
    warm = {
        "WarmStartType": "IdenticalDataAndAlgorithm",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
    }
    definition = {**request()["TrainingJobDefinition"], "InputDataConfig": data("other")}
    with pytest.raises(ValidationError, match="other data in InputDataConfig: use Transfer"):
        world.create(WarmStartConfig=warm, TrainingJobDefinition=definition)
    world.create(
        WarmStartConfig={**warm, "WarmStartType": "TransferLearning"},
        TrainingJobDefinition=definition,
    )


def test_a_parent_that_goes_on_cannot_be_one(world: World) -> None:
    world.create("parent")
    warm = {
        "WarmStartType": "TransferLearning",
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
    }
    with pytest.raises(ValidationError, match="the parent 'parent' is InProgress: wait"):
        world.create(WarmStartConfig=warm)
