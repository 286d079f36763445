"""Templates' text, as the types that the API wants."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.orchestrator.stacks.errors import EvaluationError
from modelyard.orchestrator.stacks.resources.coercion import coerced
from tests.orchestrator.world import SCHEMA


def fitted(properties: dict[str, Any]) -> Any:
    shape = SCHEMA.input_shape("sagemaker", "CreateTrainingJob")
    assert shape is not None
    return coerced(shape, properties, "Job")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"EnableManagedSpotTraining": "True"}, {"EnableManagedSpotTraining": True}),
        ({"EnableManagedSpotTraining": "maybe"}, {"EnableManagedSpotTraining": "maybe"}),
        ({"ResourceConfig": {"InstanceCount": "2"}}, {"ResourceConfig": {"InstanceCount": 2}}),
        ({"ResourceConfig": {"InstanceCount": "x"}}, {"ResourceConfig": {"InstanceCount": "x"}}),
        ({"HyperParameters": '{"a": 1}'}, {"HyperParameters": {"a": "1"}}),
        (
            {"HyperParameters": {"a": 0.5, "b": True}},
            {"HyperParameters": {"a": "0.5", "b": "true"}},
        ),
        ({"TrainingJobName": 5}, {"TrainingJobName": "5"}),
        ({"Tags": '[{"Key": "a", "Value": 1}]'}, {"Tags": [{"Key": "a", "Value": "1"}]}),
        ({"Unknown": "1"}, {"Unknown": "1"}),
    ],
)
def test_a_value_gets_the_type_of_its_member(given: Any, wanted: Any) -> None:
    assert fitted(given) == wanted


@pytest.mark.parametrize("text", ["{", "{a: 1}", '{"a": NaN}', ""])
def test_text_that_is_no_json_is_refused_where_a_map_is_wanted(text: str) -> None:
    with pytest.raises(EvaluationError, match=r"Job\.HyperParameters: .* is not JSON"):
        fitted({"HyperParameters": text})
