"""Kinds of problems, and the metrics that each can be judged by.

The control plane imports this module, so it imports nothing heavy.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/autopilot-metrics-validation.html
"""

from __future__ import annotations

from collections.abc import Mapping

BINARY = "BinaryClassification"
MULTICLASS = "MulticlassClassification"
REGRESSION = "Regression"
#: Problem type -> the metrics of its candidates; the first is the default objective.
METRICS: Mapping[str, tuple[str, ...]] = {
    BINARY: ("F1", "Accuracy", "AUC", "BalancedAccuracy", "Precision", "Recall"),
    MULTICLASS: (
        "Accuracy",
        "F1macro",
        "BalancedAccuracy",
        "PrecisionMacro",
        "RecallMacro",
    ),
    REGRESSION: ("MSE", "RMSE", "MAE", "R2"),
}
#: Of these less is better; of all others more.
LOSSES = frozenset({"MSE", "RMSE", "MAE", "LogLoss"})
#: The algorithms that are offered, by the API's names for them.
ALGORITHMS = ("lightgbm", "xgboost", "linear-learner")


def direction(metric: str) -> str:
    """Return `Minimize` or `Maximize`."""
    return "Minimize" if metric in LOSSES else "Maximize"


def objective_problem(metric: str, problem_type: str) -> str | None:
    """Return why a metric cannot be the objective of a problem type; None: it can."""
    offered = METRICS[problem_type]
    if metric in offered:
        return None
    fitting = [kind for kind, metrics in METRICS.items() if metric in metrics]
    where = f" (it is one of {' and '.join(fitting)})" if fitting else ""
    return (
        f"the objective {metric} is not offered for {problem_type}{where}: use one of "
        f"{', '.join(offered)}"
    )
