"""The metrics of the image, and how they are found in its log.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html
"""

from __future__ import annotations

from modelyard.images.training.quality import Kind, definition, epoch_definition

#: Metric -> its kind; where the log calls it otherwise, an expression for that.
BINARY: dict[str, tuple[Kind, str]] = {
    "binary_classification_accuracy": ("score", ""),
    "binary_f_beta": ("score", r"binary_f_\S+"),
    "precision": ("score", ""),
    "recall": ("score", ""),
    "roc_auc_score": ("score", ""),
}
MULTICLASS: dict[str, tuple[Kind, str]] = {
    "multiclass_accuracy": ("score", ""),
    "multiclass_top_k_accuracy": ("score", r"multiclass_top_k_accuracy_\S+"),
    "dcg": ("score", ""),
    "macro_recall": ("score", ""),
    "macro_precision": ("score", ""),
    "macro_f_beta": ("score", r"macro_f_\S+"),
}
REGRESSION: dict[str, tuple[Kind, str]] = {
    "mse": ("loss", ""),
    "rmse": ("loss", ""),
    "absolute_loss": ("loss", ""),
    "r2": ("score", ""),
}
OBJECTIVE = "objective"  # what the log calls the loss that is minimised

METRIC_DEFINITIONS: tuple[tuple[str, str], ...] = (
    *(
        definition(channel, metric, kind, name)
        for channel in ("validation", "test")
        for metric, (kind, name) in {**BINARY, **MULTICLASS, **REGRESSION}.items()
    ),
    epoch_definition("train", "objective_loss", OBJECTIVE),
    epoch_definition("validation", "objective_loss", OBJECTIVE),
    definition("test", "objective_loss", "loss", OBJECTIVE),
)
"""(name, regular expression to search a log line with) of each."""
