"""What a target makes a problem to be."""

from __future__ import annotations

import numpy as np
import pytest

from modelyard.images.autopilot.target import target_of
from modelyard.images.training.errors import ClientError
from tests.images.autopilot.toys import texts


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        (["no", "yes"] * 10, "BinaryClassification", "two different values"),
        (["a", "b", "c"] * 10, "MulticlassClassification", "not all of them numbers"),
        (["1", "2", "3"] * 10, "MulticlassClassification", "whole numbers, 3 different ones only"),
        (["1.5", "2.5", "3.5"] * 10, "Regression", "numbers with fractions"),
        ([str(n) for n in range(30)], "Regression", "30 different ones in 30 rows"),
    ],
)
def test_the_problem_type_is_inferred_and_says_why(values: list[str], kind: str, why: str) -> None:
    target = target_of(texts(*values, name="y"))
    assert target.problem_type == kind
    assert why in target.why


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["1", "0", "1"], ["0", "1"]),
        (["yes", "no", "yes"], ["no", "yes"]),
        (["True", "False", "True"], ["False", "True"]),
        (["good", "good", "bad"], ["good", "bad"]),  # the rarer one is the positive class
        (["1.0", "1", "0"], ["0", "1"]),
        (["10", "9", "8"], ["8", "9", "10"]),
    ],
)
def test_classes_have_an_order_and_the_positive_one_is_last(
    values: list[str], labels: list[str]
) -> None:
    told = "MulticlassClassification" if len(labels) > 2 else "BinaryClassification"
    assert target_of(texts(*values), told).labels == labels


def test_values_become_numbers_and_what_is_none_is_nan() -> None:
    target = target_of(texts("no", "yes", "no"))
    numbers = target.encode(texts("yes", "no", "maybe", None))
    assert np.array_equal(numbers, [1, 0, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("values", "told", "said"),
    [
        ([None, None], None, "has no values: all of them are missing"),
        (["a", "a"], None, "has one value only, 'a': there is nothing to tell apart"),
        (["1", "2", "x"], "Regression", "values that are no numbers, such as 'x'"),
        (["a", "b", "c"], "BinaryClassification", "3 different values, and BinaryClass"),
        ([f"c{n}" for n in range(1200)], None, "at most 1000 classes are offered"),
    ],
)
def test_a_target_that_nothing_can_be_learnt_from_is_told(
    values: list[str | None], told: str | None, said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        target_of(texts(*values, name="y"), told)
