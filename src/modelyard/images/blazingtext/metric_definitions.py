"""The metrics of the image: https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext-tuning.html."""

from __future__ import annotations

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = (
    ("train:mean_rho", r"#mean_rho: (\S+)"),
    ("train:accuracy", r"#train_accuracy: (\S+)"),
    ("validation:accuracy", r"#validation_accuracy: (\S+)"),
)
"""(name, regular expression to search a log line with) of each."""
