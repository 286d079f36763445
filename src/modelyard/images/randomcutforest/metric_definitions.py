"""The metrics of the image, of a labelled test channel, whose label 1 is an anomaly.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/random-cut-forest-tuning.html
"""

from __future__ import annotations

from modelyard.images.training.quality import definition

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = tuple(
    definition("test", metric, "score") for metric in ("f1", "accuracy", "precision", "recall")
)
"""(name, regular expression to search a log line with) of each."""
