"""Ranges of hyperparameters: from a point of the unit interval to a value, and back.

A strategy knows nothing of scales. To it a number is a coordinate from 0 to 1, and a category one
of its values; the scale is in the way from the one to the other:

- Linear: `v = min + u (max - min)`
- Logarithmic, for 0 < min: `v = min (max / min)^u`
- ReverseLogarithmic, for 0 <= min and max < 1: `1 - v` is logarithmic
- Auto: Logarithmic where 0 < min and max is at least 10 times min (100 times for integers), which
  is where most of a linear scale would be spent on the largest values; else Linear

AutoParameters have no range but an example, and get one around it, on a logarithmic scale: from a
tenth of it to ten times it, and a quarter and four times for integers. An example from 0 to 1 is
taken for a share, of which there is no more than 1.

Each integer has an equal share of a linear scale, so the ends of its interval are half a unit
outside: `[min - 1/2, max + 1/2]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Scaling = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]

_AUTO_RATIO = {"continuous": 10.0, "integer": 100.0}
_AROUND = {"continuous": 10.0, "integer": 4.0}
_DIGITS = 10  # significant ones of a continuous value


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """A range of numbers, both ends included."""

    name: str
    kind: Literal["integer", "continuous"]
    low: float
    high: float
    scaling: Scaling

    def text_at(self, coordinate: float) -> str:
        """Return the value at a coordinate, from 0 to 1, as a hyperparameter's text."""
        low, high = self._ends
        bounded = min(1.0, max(0.0, coordinate))
        value = _SCALES[self.scaling][0](low, high, bounded)
        if self.kind == "integer":
            return str(int(min(self.high, max(self.low, round(value)))))
        return repr(min(self.high, max(self.low, float(f"{value:.{_DIGITS}g}"))))

    def coordinate_of(self, text: str) -> float | None:
        """Return where a value stands, from 0 to 1; None: it is none of this range."""
        try:
            value = float(text)
        except ValueError:
            return None
        if not self.low <= value <= self.high or not self._fits(value):
            return None
        low, high = self._ends
        if low == high:
            return 0.5
        coordinate: float = _SCALES[self.scaling][1](low, high, value)
        return min(1.0, max(0.0, coordinate))

    @property
    def corners(self) -> tuple[str, ...]:
        """The least and the greatest value."""
        return self.text_at(0.0), self.text_at(1.0)

    @property
    def _ends(self) -> tuple[float, float]:
        if self.kind == "integer":
            return self.low - 0.5, self.high + 0.5
        return self.low, self.high

    def _fits(self, value: float) -> bool:
        return self.kind == "continuous" or value.is_integer()


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """A list of values, without an order."""

    name: str
    values: Sequence[str]

    @property
    def corners(self) -> tuple[str, ...]:
        """All values."""
        return tuple(self.values)


Range = Numeric | Categorical


def ranges_of(given: Mapping[str, Any] | None) -> list[Range]:
    """Return the ranges of `ParameterRanges` that was checked (`range_checks.range_problems`)."""
    given = given or {}
    numbers: list[Range] = [
        numeric(entry, kind)
        for kind, member in NUMERIC_MEMBERS.items()
        for entry in given.get(member, ())
    ]
    numbers += [around(entry) for entry in given.get("AutoParameters", ())]
    return numbers + [
        Categorical(name=entry["Name"], values=tuple(entry["Values"]))
        for entry in given.get("CategoricalParameterRanges", ())
    ]


#: Kind -> the member that lists its ranges.
NUMERIC_MEMBERS: Mapping[Literal["integer", "continuous"], str] = {
    "integer": "IntegerParameterRanges",
    "continuous": "ContinuousParameterRanges",
}


def numeric(entry: Mapping[str, Any], kind: Literal["integer", "continuous"]) -> Numeric:
    """Return one numeric range.

    Raises:
        ValueError: an end of it is no finite number, or no integer where it is to be one.
    """
    low, high = (end_of(entry[member], kind) for member in ("MinValue", "MaxValue"))
    asked = entry.get("ScalingType", "Auto")
    scaling: Scaling = _auto(low, high, kind) if asked == "Auto" else asked
    return Numeric(name=entry["Name"], kind=kind, low=low, high=high, scaling=scaling)


def around(entry: Mapping[str, Any]) -> Numeric:
    """Return the range around the example of an AutoParameter.

    Raises:
        ValueError: it is no number greater than 0.
    """
    text = entry["ValueHint"]
    example = end_of(text, "continuous")
    if example <= 0:
        raise ValueError(text)
    kind: Literal["integer", "continuous"] = "integer" if text.strip().isdigit() else "continuous"
    low, high = example / _AROUND[kind], example * _AROUND[kind]
    if kind == "integer":
        low, high = float(max(1, round(low))), float(round(high))
    elif example <= 1:
        high = min(1.0, high)
    return Numeric(name=entry["Name"], kind=kind, low=low, high=high, scaling="Logarithmic")


def end_of(text: str, kind: str) -> float:
    """Return one end of a range as a number.

    Raises:
        ValueError: it is none.
    """
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        raise ValueError(text) from None
    if not math.isfinite(value):
        raise ValueError(text)
    if kind == "integer" and (not value.is_integer() or abs(value) > 2**53):
        raise ValueError(text)
    return value


def _auto(low: float, high: float, kind: str) -> Scaling:
    return "Logarithmic" if low > 0 and high >= low * _AUTO_RATIO[kind] else "Linear"


def _linear(low: float, high: float, coordinate: float) -> float:
    return low + coordinate * (high - low)


def _linear_back(low: float, high: float, value: float) -> float:
    # Ends a hair apart are equal once their logarithms are taken.
    return (value - low) / (high - low) if high > low else 0.0


def _log(low: float, high: float, coordinate: float) -> float:
    return math.exp(_linear(math.log(low), math.log(high), coordinate))


def _log_back(low: float, high: float, value: float) -> float:
    return _linear_back(math.log(low), math.log(high), math.log(value))


def _reverse(low: float, high: float, coordinate: float) -> float:
    return 1 - _log(1 - high, 1 - low, 1 - coordinate)


def _reverse_back(low: float, high: float, value: float) -> float:
    return 1 - _log_back(1 - high, 1 - low, 1 - value)


_SCALES: Mapping[str, tuple[Any, Any]] = {
    "Linear": (_linear, _linear_back),
    "Logarithmic": (_log, _log_back),
    "ReverseLogarithmic": (_reverse, _reverse_back),
}
