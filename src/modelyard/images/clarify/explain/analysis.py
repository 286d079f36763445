"""The explanations of a dataset: Shapley values, local and global, and partial dependence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from modelyard.images.clarify.config.sections import PdpSection, ShapSection
from modelyard.images.clarify.data.columns import column_of
from modelyard.images.clarify.data.encoding import Encoding, Matrix
from modelyard.images.clarify.explain.aggregation import AGGREGATIONS
from modelyard.images.clarify.explain.clustering import DEFAULT_CLUSTERS, prototypes
from modelyard.images.clarify.explain.coalitions import default_budget
from modelyard.images.clarify.explain.kernel_shap import Explanation, explain
from modelyard.images.clarify.explain.links import identity, logit
from modelyard.images.clarify.explain.partial_dependence import Dependence, dependence
from modelyard.images.clarify.explain.resampling import Sample
from modelyard.images.clarify.predict._base import Predictor
from modelyard.images.clarify.predict.model_files import TreeModel
from modelyard.images.processing import log
from modelyard.images.processing.errors import ClientError

Outputs = npt.NDArray[np.float64]  # (rows, outputs)


@dataclass(frozen=True, kw_only=True)
class Model:
    """The model, and the features that it is asked about."""

    predictor: Predictor
    encoding: Encoding
    label_headers: Sequence[object]

    def outputs(self, rows: Matrix) -> Outputs:
        """Return what the model answers: (rows, outputs)."""
        return self.predictor.predict(rows, self.encoding).figures()

    def names(self, outputs: int) -> list[str]:
        """Return what the outputs are called."""
        if len(self.label_headers) == outputs:
            return [str(header) for header in self.label_headers]
        return [f"label{index}" for index in range(outputs)]


@dataclass(frozen=True, kw_only=True)
class Attributions:
    """Shapley values of a dataset."""

    features: Sequence[str]  # those that are explained
    labels: Sequence[str]  # of the outputs
    local: npt.NDArray[np.float64]  # (rows, outputs, features)
    expected: npt.NDArray[np.float64]  # (outputs,)
    total: npt.NDArray[np.float64]  # (outputs, features): aggregated
    aggregation: str
    in_log_odds: bool
    method: str  # how they came about, in words
    baseline: pl.DataFrame | None
    baseline_is_given: bool
    rows: pl.DataFrame  # the features' values, for pictures

    @property
    def global_values(self) -> Mapping[str, Mapping[str, float]]:
        """The aggregated values, by output and feature."""
        return {
            label: dict(zip(self.features, map(float, self.total[index]), strict=True))
            for index, label in enumerate(self.labels)
        }

    @property
    def samples(self) -> Mapping[str, Sample]:
        """The values of each row, by output."""
        aggregate = AGGREGATIONS[self.aggregation]
        return {
            label: Sample(
                features=self.features, local=self.local[:, index, :], aggregate=aggregate
            )
            for index, label in enumerate(self.labels)
        }


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One feature's partial dependence."""

    feature: str
    categorical: bool
    values: Sequence[float | str]
    shares: Sequence[float]
    predictions: npt.NDArray[np.float64]  # (points, outputs)
    labels: Sequence[str]


def attributions(
    model: Model,
    features: pl.DataFrame,
    section: ShapSection,
    *,
    tree: TreeModel | None,
    baseline: pl.DataFrame | None,
) -> Attributions:
    """Explain the rows of a dataset.

    Args:
        model: the model.
        features: the rows, in the columns that the model takes.
        section: what is asked.
        tree: the model whose trees explain themselves; None for Kernel SHAP.
        baseline: the rows that predictions are compared with; None makes them out of the data.

    Raises:
        ClientError: a feature to explain is none, or the model does not answer as it should.
    """
    rows = model.encoding.encode(features)
    shown = _chosen(section.features, features.columns)
    if tree is not None:
        found, method, used = (
            _by_trees(tree, rows),
            f"tree SHAP, exact, of {tree.name}",
            None,
        )
    else:
        reference, used = _baseline(model, rows, section, baseline)
        found = _by_kernel(model, rows, reference, section)
        kind = "exact" if found.exact else f"{_budget(section, rows)} coalitions a row"
        method = f"Kernel SHAP, {kind}, against {_counted(len(reference))} of a baseline"
    local = found.values[:, :, shown]
    aggregate = AGGREGATIONS[section.aggregation]
    return Attributions(
        features=[features.columns[index] for index in shown],
        labels=model.names(local.shape[1]),
        local=local,
        expected=found.expected,
        total=aggregate(local),
        aggregation=section.aggregation,
        in_log_odds=section.use_logit,
        method=method,
        baseline=used,
        baseline_is_given=baseline is not None,
        rows=features[:, list(shown)],
    )


def curves(
    model: Model, features: pl.DataFrame, section: PdpSection, found: Attributions | None
) -> list[Curve]:
    """Return partial dependence curves of the features asked for, or of those that matter most."""
    rows = model.encoding.encode(features)
    if section.features is not None or found is None:
        chosen = _chosen(section.features, features.columns)
    else:
        by_size = np.argsort(-np.abs(found.total).sum(axis=0), kind="stable")[: section.most]
        chosen = [features.columns.index(found.features[index]) for index in by_size]
    return [_curve(model, rows, index, section.resolution) for index in chosen]


def _curve(model: Model, rows: Matrix, index: int, resolution: int) -> Curve:
    categorical = bool(model.encoding.categorical[index])
    curve: Dependence = dependence(
        model.outputs, rows, index, categorical=categorical, resolution=resolution
    )
    return Curve(
        feature=model.encoding.names[index],
        categorical=categorical,
        values=[model.encoding.text(index, value) for value in curve.values],
        shares=curve.shares.tolist(),
        predictions=curve.predictions,
        labels=model.names(curve.predictions.shape[1] if curve.predictions.ndim > 1 else 1),
    )


def _chosen(places: Sequence[str | int] | None, columns: Sequence[str]) -> list[int]:
    if places is None:
        return list(range(len(columns)))
    names = [column_of(columns, place, what="Feature to explain") for place in places]
    return [columns.index(name) for name in names]


def _budget(section: ShapSection, rows: Matrix) -> int:
    return section.budget or default_budget(rows.shape[1])


def _baseline(
    model: Model, rows: Matrix, section: ShapSection, given: pl.DataFrame | None
) -> tuple[Matrix, pl.DataFrame]:
    if given is not None:
        return model.encoding.encode(given), given
    clusters = section.clusters or DEFAULT_CLUSTERS
    made = prototypes(rows, model.encoding.categorical, clusters=clusters, seed=section.seed)
    return made, model.encoding.decode(made)


def _by_kernel(model: Model, rows: Matrix, baseline: Matrix, section: ShapSection) -> Explanation:
    log.info(f"explaining {len(rows)} rows of {rows.shape[1]} features by {model.predictor.name}")
    try:
        return explain(
            model.outputs,
            rows,
            baseline,
            budget=section.budget,
            seed=section.seed,
            link=logit if section.use_logit else identity,
        )
    except ValueError as error:
        raise ClientError(f"methods.shap: {error}") from error


def _by_trees(tree: TreeModel, rows: Matrix) -> Explanation:
    found = tree.contributions(rows)
    return Explanation(values=found[:, :, :-1], expected=found[0, :, -1], exact=True)


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"
