"""The metrics of the image: https://docs.aws.amazon.com/sagemaker/latest/dg/k-means-tuning.html."""

from __future__ import annotations

from modelyard.images.training.quality import definition

METRICS = ("msd", "ssd")  # mean, and sum, of squared distances to the closest centre

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = tuple(
    definition(channel, metric, "loss") for channel in ("train", "test") for metric in METRICS
)
"""(name, regular expression to search a log line with) of each."""
