"""The target: what kind of problem it makes, and its values as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from modelyard.images.autopilot.columns import numbers_of
from modelyard.images.autopilot.problem_types import BINARY, MULTICLASS, REGRESSION
from modelyard.images.training.errors import ClientError

MOST_CLASSES = 1000
_FEW = 20  # whole numbers with no more different values than this are classes
#: Pairs of labels whose second one is the positive class.
_KNOWN_PAIRS = (("0", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("-1", "1"))


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be predicted."""

    name: str
    problem_type: str
    why: str  # a sentence on how the problem type was found
    #: Of classification: the classes, in the order of their numbers; the last of two is positive.
    labels: Sequence[str] = ()

    @property
    def classes(self) -> int:
        """How many classes there are; 1 for numbers."""
        return max(1, len(self.labels))

    def encode(self, texts: pl.Series) -> NDArray[np.float64]:
        """Return the target's values: numbers, or the numbers of classes; NaN for what is none."""
        if not self.labels:
            return numbers_of(texts).to_numpy().astype(np.float64)
        numbers = {label: float(at) for at, label in enumerate(self.labels)}
        return np.array([numbers.get(label(text), np.nan) for text in texts], np.float64)


def label(text: str | None) -> str:
    """Return a class's one name: `1`, `1.0` and `01` are the same class."""
    if text is None:
        return ""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def target_of(texts: pl.Series, told: str | None = None) -> Target:
    """Return what a column is as a target.

    Args:
        texts: of type Utf8, null where a value is missing.
        told: the problem type, where the user says it.

    Raises:
        ClientError: nothing can be learnt from it, or it is not of the type that is told.
    """
    name, present = texts.name, texts.drop_nulls()
    if not present.len():
        raise ClientError(f"the target {name!r} has no values: all of them are missing")
    numbers = numbers_of(present)
    numeric = not numbers.null_count()
    found = Counter(label(text) for text in present)
    if len(found) == 1:
        raise ClientError(
            f"the target {name!r} has one value only, {next(iter(found))[:40]!r}: there is nothing "
            "to tell apart"
        )
    if told is None:
        kind, why = _inferred(name, numbers if numeric else None, len(found), present.len())
    else:
        kind, why = told, "the job says so"
    if kind == REGRESSION:
        if not numeric:
            bad = present.filter(numbers.is_null())[0]
            raise ClientError(
                f"the target {name!r} has values that are no numbers, such as {str(bad)[:40]!r}: "
                "Regression needs numbers"
            )
        return Target(name=name, problem_type=kind, why=why)
    _check_classes(name, kind, len(found))
    return Target(name=name, problem_type=kind, why=why, labels=_ordered(found))


def _inferred(name: str, numbers: pl.Series | None, distinct: int, rows: int) -> tuple[str, str]:
    if distinct == 2:
        return BINARY, f"{name!r} has two different values"
    if numbers is None:
        return MULTICLASS, f"{name!r} has {distinct} different values, not all of them numbers"
    if not bool((numbers == numbers.floor()).all()):
        return REGRESSION, f"{name!r} has numbers with fractions"
    if distinct <= _FEW and distinct <= rows * 0.5:
        return MULTICLASS, f"{name!r} has whole numbers, {distinct} different ones only"
    return REGRESSION, f"{name!r} has whole numbers, {distinct} different ones in {rows} rows"


def _check_classes(name: str, kind: str, distinct: int) -> None:
    if kind == BINARY and distinct > 2:
        raise ClientError(
            f"the target {name!r} has {distinct} different values, and BinaryClassification has "
            "two: use MulticlassClassification or Regression"
        )
    if distinct > MOST_CLASSES:
        raise ClientError(
            f"the target {name!r} has {distinct} different values: at most {MOST_CLASSES} classes "
            "are offered; choose another target, or Regression where it has numbers"
        )


def _ordered(counts: Mapping[str, int]) -> Sequence[str]:
    """Return classes in order; of two the positive one last: known as such, or the rarer one."""
    names = sorted(counts, key=_sort_key)
    if len(names) != 2:
        return names
    for pair in _KNOWN_PAIRS:
        if {name.lower() for name in names} == {*pair}:
            return sorted(names, key=lambda name: pair.index(name.lower()))
    return sorted(names, key=lambda name: -counts[name])


def _sort_key(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
