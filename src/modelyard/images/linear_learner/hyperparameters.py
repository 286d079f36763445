"""The hyperparameters of the linear learner: strings in, values or all problems out.

Names, ranges and defaults: https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from modelyard.images.training.hyperparameters import parse, refuse
from modelyard.images.training.values import Auto, Choice, Integer, Kind, Number, Switch

PredictorType = Literal["binary_classifier", "multiclass_classifier", "regressor"]
LOSSES: Mapping[str, tuple[str, ...]] = {  # the first one is meant by `auto`
    "binary_classifier": ("logistic", "hinge_loss"),
    "multiclass_classifier": ("softmax_loss",),
    "regressor": (
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    ),
}
CRITERIA = (
    "accuracy",
    "f1",
    "f_beta",
    "precision_at_target_recall",
    "recall_at_target_precision",
    "cross_entropy_loss",
    "loss_function",
)
_POSITIVE = Number(low=0, low_open=True)
_NOT_NEGATIVE = Number(low=0)
_INSIDE = Number(low=0, high=1, low_open=True, high_open=True)
_RATE = Number(low=0, high=1, high_open=True)
_COUNT = Integer(low=1)


@dataclass(frozen=True)
class _PositiveWeight:
    """A positive number, or how to find one."""

    def parse(self, text: str) -> float | str:
        if text in ("auto", "balanced"):
            return text
        try:
            return _POSITIVE.parse(text)
        except ValueError as error:
            raise ValueError(f"{error}, auto or balanced") from None


#: How to walk to the optimum, which is reached here whatever they are.
_WALK: Mapping[str, Kind] = {
    "optimizer": Choice(("auto", "sgd", "adam", "rmsprop")),
    "learning_rate": Auto(_POSITIVE),
    "momentum": Auto(_RATE),
    "beta_1": Auto(_RATE),
    "beta_2": Auto(_RATE),
    "bias_lr_mult": Auto(_POSITIVE),
    "use_lr_scheduler": Switch(),
    "lr_scheduler_step": Auto(_COUNT),
    "lr_scheduler_factor": Auto(_INSIDE),
    "lr_scheduler_minimum_lr": Auto(_POSITIVE),
    "mini_batch_size": Auto(_COUNT),
    "init_method": Choice(("uniform", "normal")),
    "init_scale": _POSITIVE,
    "init_sigma": _POSITIVE,
    "init_bias": Number(),
}
KINDS: Mapping[str, Kind] = {
    "predictor_type": Choice(tuple(LOSSES)),
    "num_classes": Integer(low=3, high=1_000_000),
    "feature_dim": Auto(_COUNT),
    "loss": Choice(("auto", *(loss for losses in LOSSES.values() for loss in losses))),
    "wd": Auto(_NOT_NEGATIVE),
    "l1": Auto(_NOT_NEGATIVE),
    "use_bias": Switch(),
    "bias_wd_mult": Auto(_NOT_NEGATIVE),
    "epochs": _COUNT,
    "num_models": Auto(_COUNT),
    "early_stopping_patience": _COUNT,
    "early_stopping_tolerance": _POSITIVE,
    "normalize_data": Auto(Switch()),
    "normalize_label": Auto(Switch()),
    "unbias_data": Auto(Switch()),
    "unbias_label": Auto(Switch()),
    "num_point_for_scaler": _COUNT,
    "binary_classifier_model_selection_criteria": Choice(CRITERIA),
    "target_recall": _INSIDE,
    "target_precision": _INSIDE,
    "num_calibration_samples": Auto(_COUNT),
    "positive_example_weight_mult": _PositiveWeight(),
    "balance_multiclass_weights": Switch(),
    "accuracy_top_k": _COUNT,
    "f_beta": _POSITIVE,
    "margin": _POSITIVE,
    "quantile": _INSIDE,
    "loss_insensitivity": _POSITIVE,
    "huber_delta": _POSITIVE,
    **_WALK,
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters. None stands for `auto`."""

    predictor_type: PredictorType
    num_classes: int  # 1 for a regressor
    feature_dim: int | None
    loss: str
    margin: float
    quantile: float
    loss_insensitivity: float
    huber_delta: float
    wd: float | None
    l1: float
    use_bias: bool
    bias_wd_mult: float
    epochs: int | None  # None: as many as it takes
    num_models: int | None
    early_stopping_patience: int | None
    early_stopping_tolerance: float
    normalize_data: bool
    unbias_data: bool
    normalize_label: bool
    unbias_label: bool
    num_point_for_scaler: int
    criterion: str
    target_recall: float
    target_precision: float
    num_calibration_samples: int | None
    positive_weight: float | str  # or "auto", "balanced"
    balanced: bool
    top_k: int
    f_beta: float
    notes: tuple[str, ...]  # for the log

    @property
    def outputs(self) -> int:
        """How many linear functions there are."""
        return self.num_classes if self.predictor_type == "multiclass_classifier" else 1


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    if "predictor_type" not in texts:
        problems.insert(0, f"predictor_type is required: one of {', '.join(LOSSES)}")
    refuse(problems or _rules(given))
    return _assemble(given)


def _rules(given: Mapping[str, Any]) -> list[str]:
    problems = []
    kind = given["predictor_type"]
    loss = given.get("loss", "auto")
    if kind == "multiclass_classifier" and "num_classes" not in given:
        problems.append(f"num_classes is required with predictor_type={kind}")
    if loss != "auto" and loss not in LOSSES[kind]:
        allowed = ", ".join(LOSSES[kind])
        problems.append(f"loss={loss} must be one of auto, {allowed} with predictor_type={kind}")
    if given.get("bias_wd_mult") and given.get("use_bias") is False:
        problems.append("bias_wd_mult has no bias to regularise: use_bias is false")
    return problems


def _assemble(given: Mapping[str, Any]) -> Hyperparameters:
    kind = cast(PredictorType, given["predictor_type"])
    loss = given.get("loss", "auto")
    bias = given.get("use_bias", True)
    regresses = kind == "regressor"
    return Hyperparameters(
        predictor_type=kind,
        num_classes={"regressor": 1, "binary_classifier": 2}.get(kind) or given["num_classes"],
        feature_dim=given.get("feature_dim"),
        loss=LOSSES[kind][0] if loss == "auto" else loss,
        margin=given.get("margin", 1.0),
        quantile=given.get("quantile", 0.5),
        loss_insensitivity=given.get("loss_insensitivity", 0.01),
        huber_delta=given.get("huber_delta", 1.0),
        wd=given.get("wd"),
        l1=given.get("l1") or 0.0,
        use_bias=bias,
        bias_wd_mult=given.get("bias_wd_mult") or 0.0,
        epochs=given.get("epochs"),
        num_models=given.get("num_models"),
        early_stopping_patience=given.get("early_stopping_patience"),
        early_stopping_tolerance=given.get("early_stopping_tolerance", 0.001),
        normalize_data=_or(given.get("normalize_data"), True),
        unbias_data=_or(given.get("unbias_data"), bias),
        normalize_label=regresses and _or(given.get("normalize_label"), True),
        unbias_label=regresses and bias and _or(given.get("unbias_label"), True),
        num_point_for_scaler=given.get("num_point_for_scaler", 10_000),
        criterion=given.get("binary_classifier_model_selection_criteria", "accuracy"),
        target_recall=given.get("target_recall", 0.8),
        target_precision=given.get("target_precision", 0.8),
        num_calibration_samples=given.get("num_calibration_samples"),
        positive_weight=given.get("positive_example_weight_mult", 1.0),
        balanced=given.get("balance_multiclass_weights", False),
        top_k=given.get("accuracy_top_k", 3),
        f_beta=given.get("f_beta", 1.0),
        notes=tuple(
            f"{name} has no effect here: it says how to walk to the optimum, which is reached"
            for name in sorted(_WALK.keys() & given.keys())
        ),
    )


def _or(value: bool | None, default: bool) -> bool:
    return default if value is None else value
