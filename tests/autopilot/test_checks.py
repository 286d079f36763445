"""What stands against a request is said at once, and before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.autopilot.checks import problems_of
from tests.autopilot.toys import channel, first, second


def problems(request: Any, found: list[str] | None = None) -> list[str]:
    return problems_of(request, training_problems=lambda _request: found or [])


def test_a_right_request_of_either_form_has_none() -> None:
    assert problems(first()) == problems(second()) == []
    both = [channel(), channel("validation")]
    assert problems(first(InputDataConfig=both)) == []


def test_what_stands_against_its_training_job_stands_against_it() -> None:
    assert problems(first(), ["there is no bucket 'bucket'"]) == ["there is no bucket 'bucket'"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (first(ProblemType="Regression"), "ProblemType is given without AutoMLJobObjective"),
        (
            first(AutoMLJobObjective={"MetricName": "AUC"}),
            "AutoMLJobObjective is given without ProblemType",
        ),
        (
            first(ProblemType="Regression", AutoMLJobObjective={"MetricName": "MASE"}),
            "the objective MASE is not offered for Regression: use one of MSE",
        ),
        (first(InputDataConfig=[channel(), channel()]), "give one channel with ChannelType train"),
        (
            first(InputDataConfig=[channel("validation")]),
            "give one channel with ChannelType training",
        ),
        (
            first(InputDataConfig=[channel(), channel("validation", TargetAttributeName="z")]),
            "different TargetAttributeNames",
        ),
        (first(InputDataConfig=[channel(DataSource={})]), "has no DataSource.S3DataSource"),
        (first(InputDataConfig=[channel(ContentType="text/plain")]), "'text/plain' is not offered"),
        (
            first(InputDataConfig=[channel(ContentType="text/csv;header=absent")]),
            "use text/csv;header=present",
        ),
        (
            first(AutoMLJobConfig={"DataSplitConfig": {"ValidationFraction": 1.0}}),
            "ValidationFraction 1 must be between 0 and 1",
        ),
        (
            first(
                InputDataConfig=[channel(), channel("validation")],
                AutoMLJobConfig={"DataSplitConfig": {"ValidationFraction": 0.5}},
            ),
            "is for jobs without a validation channel",
        ),
        (first(AutoMLJobConfig={"Mode": "ENSEMBLING"}), "Mode ENSEMBLING is not offered"),
        (
            second(
                tabular={
                    "CandidateGenerationConfig": {
                        "AlgorithmsConfig": [{"AutoMLAlgorithms": ["xgboost", "mlp"]}]
                    }
                }
            ),
            "AlgorithmsConfig: mlp is not offered: use lightgbm, xgboost, linear-learner",
        ),
        (second(ModelDeployConfig={"EndpointName": "e"}), "ModelDeployConfig is not offered"),
        (second(AutoMLComputeConfig={"x": 1}), "AutoMLComputeConfig is not offered"),
        (
            second() | {"AutoMLProblemTypeConfig": {"TextGenerationJobConfig": {}}},
            "TextGenerationJobConfig is not offered: use TabularJobConfig",
        ),
        (second() | {"AutoMLProblemTypeConfig": {}}, "must have exactly one member"),
    ],
)
def test_each_problem_names_the_value_and_the_remedy(request_: Any, said: str) -> None:
    found = problems(request_)
    assert any(said in problem for problem in found), found


def test_all_problems_are_told_at_once() -> None:
    request = first(
        ProblemType="Regression",
        AutoMLJobConfig={"Mode": "ENSEMBLING", "DataSplitConfig": {"ValidationFraction": 0.0}},
    )
    assert len(problems(request)) == 3
