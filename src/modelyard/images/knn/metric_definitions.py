"""The metrics of the image: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN-tuning.html."""

from __future__ import annotations

from modelyard.images.training.quality import definition

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = (
    definition("test", "accuracy", "score"),
    definition("test", "mse", "loss"),
)
"""(name, regular expression to search a log line with) of each."""
