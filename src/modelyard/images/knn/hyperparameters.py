"""The hyperparameters of k-NN: strings in, values or all problems out.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_hyperparameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.images.training.hyperparameters import missing, parse, refuse
from modelyard.images.training.values import Auto, Choice, Integer, Kind

_COUNT = Integer(low=1)
#: How an approximate index is built, where this one is exact.
_INDEX: Mapping[str, Kind] = {
    "mini_batch_size": _COUNT,
    "faiss_index_ivf_nlists": Auto(_COUNT),
    "faiss_index_pq_m": _COUNT,
}
KINDS: Mapping[str, Kind] = {
    "k": _COUNT,
    "sample_size": _COUNT,
    "predictor_type": Choice(("classifier", "regressor")),
    "feature_dim": _COUNT,
    "dimension_reduction_type": Choice(("sign", "fjlt")),
    "dimension_reduction_target": _COUNT,
    "index_metric": Choice(("L2", "INNER_PRODUCT", "COSINE")),
    "index_type": Choice(("faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ")),
    **_INDEX,
}
_REQUIRED: Mapping[str, str] = {
    "k": "how many neighbours decide",
    "sample_size": "how many rows to keep",
    "predictor_type": "classifier or regressor",
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Validated hyperparameters."""

    k: int
    sample_size: int
    classifies: bool
    feature_dim: int | None
    reduction: str | None  # "sign" or "fjlt"
    target: int  # columns after the reduction; 0 without one
    metric: str
    notes: tuple[str, ...]  # for the log


def validate(texts: Mapping[str, str]) -> Hyperparameters:
    """Return the values of a job's hyperparameters.

    Raises:
        ClientError: names every hyperparameter that is wrong, its value and its rule.
    """
    given, problems = parse(texts, KINDS)
    refuse(missing(texts, _REQUIRED) + problems + _rules(given))
    return Hyperparameters(
        k=given["k"],
        sample_size=given["sample_size"],
        classifies=given["predictor_type"] == "classifier",
        feature_dim=given.get("feature_dim"),
        reduction=given.get("dimension_reduction_type"),
        target=given.get("dimension_reduction_target", 0),
        metric=given.get("index_metric", "L2"),
        notes=tuple(_notes(given)),
    )


def _rules(given: Mapping[str, Any]) -> list[str]:
    problems = []
    reduces = "dimension_reduction_type" in given
    if reduces != ("dimension_reduction_target" in given):
        problems.append("dimension_reduction_type and dimension_reduction_target go together")
    target, width = given.get("dimension_reduction_target", 0), given.get("feature_dim")
    if width is not None and target >= width:
        problems.append(
            f"dimension_reduction_target={target} must be less than feature_dim={width}"
        )
    metric = given.get("index_metric", "L2")
    if given.get("index_type") == "faiss.IVFPQ" and metric != "L2":
        problems.append(f"index_metric={metric} is not for index_type=faiss.IVFPQ: take L2")
    if given.get("k", 0) > given.get("sample_size", given.get("k", 0)):
        problems.append(f"k={given['k']} is more than sample_size={given['sample_size']}")
    return problems


def _notes(given: Mapping[str, Any]) -> list[str]:
    notes = [f"{name} has no effect here: the index is exact" for name in _INDEX if name in given]
    if given.get("index_type", "faiss.Flat") != "faiss.Flat":
        notes.append(f"index_type={given['index_type']} is as exact here as faiss.Flat")
    return notes
