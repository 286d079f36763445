from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.images.script_mode.hyperparameters import (
    as_arguments,
    decoded,
    of_framework,
    of_user,
)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("0.5", 0.5), ('"text"', "text"), ("text", "text"), ("true", True), ("[1, 2]", [1, 2])],
)
def test_values_are_json_and_what_is_not_is_text(sent: str, meant: Any) -> None:
    assert decoded({"name": sent}) == {"name": meant}


# As `sagemaker_training.mapping.to_cmd_args` writes them.
@pytest.mark.parametrize(
    ("hyperparameters", "arguments"),
    [
        ({"b": 1, "alpha": "x y"}, ["--alpha", "x y", "-b", "1"]),
        ({"flag": True}, ["--flag", "True"]),
        ({"list": [1, "a"]}, ["--list", "[1, 'a']"]),
        ({"map": {"b": 2, "a": 1}}, ["--map", "a=1,b=2"]),
        ({"none": None}, ["--none", ""]),
    ],
)
def test_arguments_are_in_order_of_their_names(
    hyperparameters: dict[str, Any], arguments: list[str]
) -> None:
    assert as_arguments(hyperparameters) == arguments


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.text()))
def test_each_hyperparameter_is_the_scripts_or_the_frameworks(values: dict[str, Any]) -> None:
    found = decoded({name: json.dumps(value) for name, value in values.items()})
    assert {**of_user(found), **of_framework(found)} == values
    assert not of_user(found).keys() & of_framework(found).keys()
