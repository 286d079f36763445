"""Fitting: candidates are trained, and the one that is best by the job's criterion is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelyard.images.linear_learner import losses, optimization, thresholds
from modelyard.images.linear_learner.hyperparameters import Hyperparameters
from modelyard.images.linear_learner.losses import Array
from modelyard.images.linear_learner.metric_definitions import OBJECTIVE
from modelyard.images.linear_learner.optimization import Linear, Problem
from modelyard.images.linear_learner.scaling import Scale, scale_of
from modelyard.images.training import log, quality
from modelyard.images.training.errors import ClientError
from modelyard.images.training.rows import Rows

_DEFAULT_WD = 1e-4
_TRIED_WD = (1e-4, 1e-3, 1e-2, 1e-5, 1e-1, 0.0)  # where it is `auto` and there is validation data


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model, and from which score on it says 1."""

    linear: Linear
    threshold: float
    merit: float
    objective: float  # of the data that decides


def fit(train: Rows, validation: Rows | None, hp: Hyperparameters, host: str) -> Fitted:
    """Return the best of the candidates that hyperparameters leave open.

    Raises:
        ClientError: there is nothing to learn from.
    """
    if hp.predictor_type == "binary_classifier" and len(np.unique(train.labels)) < 2:
        raise ClientError(
            f"channel 'train' has rows of class {train.labels[0]:g} only: a classifier needs both"
        )
    candidates = [
        (wd, weight) for weight in _positive_weights(hp, train) for wd in _decays(hp, validation)
    ]
    # The epochs of the first one are in the log: it is what the job asked for.
    fitted = [
        _candidate(train, validation, hp, wd, weight, host=None if number else host)
        for number, (wd, weight) in enumerate(candidates)
    ]
    if len(candidates) > 1:
        for (wd, weight), found in zip(candidates, fitted, strict=True):
            log.info(f"wd={wd:g}, weight of positives {weight:g}: {hp.criterion} {found.merit:.6g}")
    return max(fitted, key=lambda found: (found.merit, -found.objective))


def _candidate(
    train: Rows,
    validation: Rows | None,
    hp: Hyperparameters,
    wd: float,
    weight: float,
    *,
    host: str | None,
) -> Fitted:
    problem = _problem(train, hp, wd=wd, weight=weight)
    watch = _Watch(problem, train, validation, hp, host=host)
    linear = optimization.minimum(problem, epochs=hp.epochs, watch=watch)
    return _judged(_unscaled(linear, train, hp), validation or train, hp)


def _decays(hp: Hyperparameters, validation: Rows | None) -> tuple[float, ...]:
    if hp.wd is not None:
        return (hp.wd,)
    if validation is None or hp.l1:
        return (_DEFAULT_WD,)
    return _TRIED_WD[: hp.num_models or len(_TRIED_WD)]


def _positive_weights(hp: Hyperparameters, train: Rows) -> tuple[float, ...]:
    if hp.predictor_type != "binary_classifier":
        return (1.0,)
    positives = float(train.labels.sum())
    balanced = (len(train.labels) - positives) / positives
    match hp.positive_weight:
        case "auto":
            return (1.0, balanced)
        case "balanced":
            return (balanced,)
        case weight:
            return (float(weight),)


def _problem(train: Rows, hp: Hyperparameters, *, wd: float, weight: float) -> Problem:
    scale = scale_of(
        train.features,
        normalize=hp.normalize_data,
        unbias=hp.unbias_data,
        points=hp.num_point_for_scaler,
    )
    labels = _label_scale(train, hp)
    return Problem(
        features=train.features,
        targets=(train.labels - labels.shift) / labels.width,
        weights=_weights(train.labels, hp, weight),
        scale=scale,
        loss=losses.loss_of(hp),
        outputs=hp.outputs,
        wd=wd,
        l1=hp.l1,
        use_bias=hp.use_bias,
        bias_wd=wd * hp.bias_wd_mult,
        roundings=losses.roundings(hp.loss),
    )


def _label_scale(train: Rows, hp: Hyperparameters) -> Scale:
    return scale_of(
        train.labels[:, None],
        normalize=hp.normalize_label,
        unbias=hp.unbias_label,
        points=hp.num_point_for_scaler,
    )


def _weights(labels: Array, hp: Hyperparameters, weight: float) -> Array:
    if hp.predictor_type == "binary_classifier":
        return np.where(labels == 1, weight, 1.0)
    if not (hp.balanced and hp.predictor_type == "multiclass_classifier"):
        return np.ones(len(labels))
    counts = np.bincount(labels.astype(np.int64), minlength=hp.num_classes)
    shares: Array = len(labels) / np.maximum(counts, 1)[labels.astype(np.int64)]
    return shares


def _unscaled(linear: Linear, train: Rows, hp: Hyperparameters) -> Linear:
    """Return the model for labels as they are."""
    labels = _label_scale(train, hp)
    return Linear(
        weights=linear.weights * labels.width, bias=linear.bias * labels.width + labels.shift
    )


def _judged(linear: Linear, rows: Rows, hp: Hyperparameters) -> Fitted:
    scores = linear.scores(rows.features)
    loss, _ = losses.loss_of(hp)(scores, rows.labels, 0.0)
    objective = float(loss.mean())
    if hp.predictor_type != "binary_classifier" or hp.criterion in thresholds.PLAIN:
        return Fitted(linear=linear, threshold=0.0, merit=-objective, objective=objective)
    calibrating = slice(hp.num_calibration_samples)
    choice = thresholds.choose(scores[calibrating], rows.labels[calibrating], hp, default=0.0)
    return Fitted(
        linear=linear, threshold=choice.threshold, merit=choice.merit, objective=objective
    )


class _Watch:
    """Logs each epoch, and ends training that the job's early stopping ends."""

    def __init__(
        self,
        problem: Problem,
        train: Rows,
        validation: Rows | None,
        hp: Hyperparameters,
        *,
        host: str | None,  # None: nothing is logged
    ) -> None:
        self._problem = problem
        self._train = train
        self._validation = validation
        self._scale = _label_scale(train, hp)
        self._hp = hp
        self._host = host
        self._best = np.inf
        self._best_epoch = 0

    def __call__(self, epoch: int, model: Linear) -> bool:
        if self._host is None and self._hp.early_stopping_patience is None:
            return False
        losses_now = {"train": self._loss(model, self._train)}
        if self._validation is not None:
            losses_now["validation"] = self._loss(model, self._validation)
        if self._host is not None:
            for channel, loss in losses_now.items():
                quality.write_epoch(self._host, epoch, channel, OBJECTIVE, loss)
        return self._is_over(epoch, list(losses_now.values())[-1])

    def _loss(self, model: Linear, rows: Rows) -> float:
        targets = (rows.labels - self._scale.shift) / self._scale.width
        return self._problem.objective(model, rows.features, targets)

    def _is_over(self, epoch: int, loss: float) -> bool:
        if loss < self._best * (1 - self._hp.early_stopping_tolerance) or epoch == 0:
            self._best, self._best_epoch = loss, epoch
        patience = self._hp.early_stopping_patience
        return patience is not None and epoch - self._best_epoch >= patience
