"""What is learnt: a number, one of two classes, or one of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelyard.images.training.errors import ClientError
from modelyard.images.training.labels import Floats

Kind = Literal["regression", "binary", "multiclass"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of task, and its classes."""

    kind: Kind
    classes: int  # 1 for regression


def detected(labels: Floats) -> Task:
    """Return the task that labels tell of: classes are 0, 1, …, all of them there.

    JumpStart has a model for classification and one for regression, and so needs no such rule.
    """
    found = np.unique(labels)
    if len(found) > 1 and np.array_equal(found, np.arange(len(found))):
        return Task(kind="binary" if len(found) == 2 else "multiclass", classes=len(found))
    return Task(kind="regression", classes=1)


def checked(kind: Kind, labels: Floats, *, because: str) -> Task:
    """Return the task that a hyperparameter asks for.

    Raises:
        ClientError: the labels are no classes, or only one.
    """
    if kind == "regression":
        return Task(kind=kind, classes=1)
    found = np.unique(labels)
    if not np.array_equal(found, np.floor(found)) or found[0] < 0 or len(found) < 2:
        shown = ", ".join(f"{label:g}" for label in found[:5])
        raise ClientError(f"{because} needs labels 0, 1, … of two classes at least, not {shown}")
    classes = int(found[-1]) + 1
    if kind == "binary" and classes > 2:
        raise ClientError(f"{because} needs labels 0 and 1: there is label {classes - 1}")
    return Task(kind=kind, classes=classes)
