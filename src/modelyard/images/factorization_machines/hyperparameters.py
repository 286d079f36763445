"""The hyperparameters of factorization machines: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fact-machines-hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modelyard.images.training.hyperparameters import missing, parse, refuse
from modelyard.images.training.values import Choice, Integer, Kind, Number

Group = Literal["bias", "linear", "factors"]
GROUPS: tuple[Group, ...] = ("bias", "linear", "factors")
_COUNT = Integer(low=1)
_NOT_NEGATIVE = Number(low=0)
_METHODS = Choice(("normal", "uniform", "constant"))

#: How to walk to the optimum, which is reached here whatever they are.
_WALK: Mapping[str, Kind] = {
    "mini_batch_size": _COUNT,
    "clip_gradient": Number(),
    "eps": Number(),
    "rescale_grad": Number(),
    **{f"{group}_lr": _NOT_NEGATIVE for group in GROUPS},
}
KINDS: Mapping[str, Kind] = {
    "feature_dim": _COUNT,
    "num_factors": _COUNT,
    "predictor_type": Choice(("binary_classifier", "regressor")),
    "epochs": _COUNT,
    **{f"{group}_wd": _NOT_NEGATIVE for group in GROUPS},
    **{f"{group}_init_method": _METHODS for group in GROUPS},
    **{f"{group}_init_scale": _NOT_NEGATIVE for group in GROUPS},
    **{f"{group}_init_sigma": _NOT_NEGATIVE for group in GROUPS},
    **{f"{group}_init_value": Number() for group in GROUPS},
    **_WALK,
}
_REQUIRED: Mapping[str, str] = {
    "feature_dim": "the number of features",
    "num_factors": "the length of a feature's vector",
    "predictor_type": "binary_classifier or regressor",
}
_DECAYS: Mapping[Group, float] = {"bias": 0.01, "linear": 0.001, "factors": 0.00001}
_SIGMAS: Mapping[Group, float] = {"bias": 0.01, "linear": 0.01, "factors": 0.001}


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a group of weights begins."""

    method: str  # "normal", "uniform", "constant"
    size: float  # the standard deviation, the end of the range, or the value


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    feature_dim: int
    num_factors: int
    classifies: bool
    epochs: int | None  # None: as many as it takes
    decay: Mapping[Group, float]
    start: Mapping[Group, Start]
    notes: tuple[str, ...]  # for the log


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    starts = [rule for group in GROUPS for rule in _rules(given, group)]
    refuse(missing(texts, _REQUIRED) + problems + starts)
    return Hyperparameters(
        feature_dim=given["feature_dim"],
        num_factors=given["num_factors"],
        classifies=given["predictor_type"] == "binary_classifier",
        epochs=given.get("epochs"),
        decay={group: given.get(f"{group}_wd", _DECAYS[group]) for group in GROUPS},
        start={group: _start(given, group) for group in GROUPS},
        notes=tuple(
            f"{name} has no effect here: it says how to walk to the optimum, which is reached"
            for name in sorted(_WALK.keys() & given.keys())
        ),
    )


_SIZE = {"normal": "sigma", "uniform": "scale", "constant": "value"}


def _rules(given: Mapping[str, Any], group: Group) -> list[str]:
    method = given.get(f"{group}_init_method", "normal")
    name = f"{group}_init_{_SIZE[method]}"
    if method != "normal" and name not in given:
        return [f"{group}_init_method={method} needs {name}"]
    return []


def _start(given: Mapping[str, Any], group: Group) -> Start:
    method = given.get(f"{group}_init_method", "normal")
    return Start(method=method, size=given.get(f"{group}_init_{_SIZE[method]}", _SIGMAS[group]))
