"""The metrics of the image, and how they are found in its log.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/lightgbm-tuning.html
"""

from __future__ import annotations

METRICS = (
    "rmse",
    "l1",
    "l2",
    "huber",
    "fair",
    "binary_logloss",
    "binary_error",
    "auc",
    "average_precision",
    "multi_logloss",
    "multi_error",
    "auc_mu",
    "cross_entropy",
)

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = tuple(
    (metric, rf"\b{metric}: ([0-9\.]+)") for metric in METRICS
)
"""(name, regular expression to search a log line with) of each."""
