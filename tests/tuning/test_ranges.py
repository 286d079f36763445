"""Scales of ranges: from a coordinate to a value, and back."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelyard.tuning.ranges import Categorical, Numeric, Scaling, ranges_of

SCALES: list[Scaling] = ["Linear", "Logarithmic", "ReverseLogarithmic"]
COORDINATES = st.floats(0, 1)


def one(kind: str = "Continuous", **members: str) -> Numeric:
    entry = {"Name": "x", **members}
    [found] = ranges_of({f"{kind}ParameterRanges": [entry]})
    assert isinstance(found, Numeric)
    return found


@st.composite
def numerics(draw: st.DrawFn) -> Numeric:
    scaling: Scaling = draw(st.sampled_from(SCALES))
    kind: Literal["integer", "continuous"] = draw(st.sampled_from(["integer", "continuous"]))
    if kind == "integer":
        low = draw(st.integers(1, 1000))
        high = low + draw(st.integers(0, 1000))
        plain: Scaling = "Linear" if scaling == "ReverseLogarithmic" else scaling
        return Numeric(name="x", kind=kind, low=low, high=high, scaling=plain)
    ends = st.floats(0.001, 0.999) if scaling != "Linear" else st.floats(-1e6, 1e6)
    low_end, high_end = sorted([draw(ends), draw(ends)])
    return Numeric(name="x", kind=kind, low=low_end, high=high_end, scaling=scaling)


@given(numerics(), COORDINATES)
@example(  # ends whose logarithms are equal
    Numeric(
        name="x", kind="continuous", low=0.125, high=0.12500000000000003, scaling="Logarithmic"
    ),
    0.0,
)
def test_a_value_is_in_its_range_and_leads_back_to_itself(spread: Numeric, at: float) -> None:
    text = spread.text_at(at)
    assert spread.low <= float(text) <= spread.high
    back = spread.coordinate_of(text)
    assert back is not None
    assert float(spread.text_at(back)) == pytest.approx(float(text), rel=1e-6, abs=1e-6)


@given(numerics(), COORDINATES, COORDINATES)
def test_a_greater_coordinate_gives_no_smaller_value(
    spread: Numeric, one_at: float, other_at: float
) -> None:
    low, high = sorted([one_at, other_at])
    assert float(spread.text_at(low)) <= float(spread.text_at(high))


def test_each_integer_has_an_equal_share_of_a_linear_scale() -> None:
    dice = one("Integer", MinValue="1", MaxValue="6", ScalingType="Linear")
    thrown = [dice.text_at((i + 0.5) / 600) for i in range(600)]
    assert {value: thrown.count(value) for value in "123456"} == dict.fromkeys("123456", 100)


def test_the_middle_of_a_logarithmic_scale_is_the_geometric_mean() -> None:
    spread = one(MinValue="0.001", MaxValue="10", ScalingType="Logarithmic")
    assert float(spread.text_at(0.5)) == pytest.approx(0.1)


def test_a_reverse_logarithmic_scale_looks_closely_at_values_just_below_one() -> None:
    spread = one(MinValue="0", MaxValue="0.999", ScalingType="ReverseLogarithmic")
    assert float(spread.text_at(1 / 3)) == pytest.approx(0.9)
    assert float(spread.text_at(2 / 3)) == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("kind", "low", "high", "scaling"),
    [
        ("Continuous", "0.01", "0.5", "Logarithmic"),
        ("Continuous", "0.1", "0.5", "Linear"),
        ("Continuous", "0", "1000", "Linear"),
        ("Integer", "1", "15", "Linear"),
        ("Integer", "1", "4000", "Logarithmic"),
    ],
)
def test_the_scale_is_chosen_by_how_far_apart_the_ends_are(
    kind: str, low: str, high: str, scaling: str
) -> None:
    assert one(kind, MinValue=low, MaxValue=high).scaling == scaling
    assert one(kind, MinValue=low, MaxValue=high, ScalingType="Auto").scaling == scaling


@pytest.mark.parametrize("outside", ["0.05", "0.6", "high", "nan", ""])
def test_what_is_no_value_of_a_range_has_no_coordinate(outside: str) -> None:
    assert one(MinValue="0.1", MaxValue="0.5").coordinate_of(outside) is None


def test_a_fraction_is_no_value_of_an_integer_range() -> None:
    assert one("Integer", MinValue="1", MaxValue="6").coordinate_of("2.5") is None


@pytest.mark.parametrize(
    ("hint", "low", "high"),
    [("8", "2", "32"), ("1", "1", "4"), ("0.2", "0.02", "1.0"), ("4.5", "0.45", "45.0")],
)
def test_an_auto_parameter_has_a_range_around_its_example(hint: str, low: str, high: str) -> None:
    [spread] = ranges_of({"AutoParameters": [{"Name": "x", "ValueHint": hint}]})
    assert spread.corners == (low, high)


def test_a_category_has_no_corners_but_its_values() -> None:
    [found] = ranges_of({"CategoricalParameterRanges": [{"Name": "b", "Values": ["x", "y"]}]})
    assert isinstance(found, Categorical)
    assert found.corners == ("x", "y")
