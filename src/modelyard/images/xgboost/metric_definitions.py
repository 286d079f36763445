"""The metrics of the image, and how they are found in its log.

A CloudWatch log shows the TAB of an evaluation line as `#011`; both are accepted. This module
imports nothing, so that the control plane can use it.
"""

from __future__ import annotations

MAXIMISED = (
    "accuracy",
    "auc",
    "aucpr",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "interval-regression-accuracy",  # AWS minimises it, although it is a share of hits
    "map",
    "ndcg",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
)
MINIMISED = (
    "aft-nloglik",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "logloss",
    "mae",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "mse",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
)
METRICS = MAXIMISED + MINIMISED
CHANNELS = ("train", "validation")


def _regex(channel: str, metric: str) -> str:
    return rf".*\[[0-9]+\].*(?:\t|#011){channel}-{metric}:(\S+)"


METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = tuple(
    (f"{channel}:{metric}", _regex(channel, metric)) for channel in CHANNELS for metric in METRICS
)
"""(name, regular expression to search a log line with) of each: `validation:auc` and so on."""


def is_maximised(metric: str) -> bool:
    """Tell whether more is better. A threshold does not matter: `ndcg@10-` is an `ndcg`."""
    return metric.partition("@")[0].removesuffix("-") in MAXIMISED
