"""The metrics of the image, and how they are found in its log.

JumpStart finds all three by `bestTest = …`, whichever it is; here the line names it too, so that a
job reports the one that it has.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/catboost-tuning.html
"""

from __future__ import annotations

METRICS = ("RMSE", "AUC", "MultiClass")

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = tuple(
    (metric, rf"\b{metric}: bestTest = ([0-9\.]+)") for metric in METRICS
)
"""(name, regular expression to search a log line with) of each."""
