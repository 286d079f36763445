"""The metrics of the image.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fm-tuning.html
"""

from __future__ import annotations

from modelyard.images.training.quality import Kind, definition

METRICS: dict[str, Kind] = {
    "binary_classification_accuracy": "score",
    "binary_classification_cross_entropy": "loss",
    "binary_f_beta": "score",
    "rmse": "loss",
    "mse": "loss",
    "absolute_loss": "loss",
}
METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = tuple(
    definition(channel, metric, kind)
    for channel in ("train", "test")
    for metric, kind in METRICS.items()
)
"""(name, regular expression to search a log line with) of each."""
