"""A job from its configuration to its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import polars as pl

from modelyard.images.clarify import cloudwatch, results
from modelyard.images.clarify.bias import drift as bias_drift
from modelyard.images.clarify.bias.drift import Baseline
from modelyard.images.clarify.bias_question import bias
from modelyard.images.clarify.config import reading as config_reading
from modelyard.images.clarify.config.sections import AnalysisConfig, ShapSection
from modelyard.images.clarify.data import csv_text, json_text, parquet_table
from modelyard.images.clarify.data import reading as data_reading
from modelyard.images.clarify.data.encoding import Encoding
from modelyard.images.clarify.explain import drift as explanation_drift
from modelyard.images.clarify.explain.analysis import (
    Model,
    attributions,
    curves,
)
from modelyard.images.clarify.explain.explainer import chosen_tree
from modelyard.images.clarify.findings import Findings
from modelyard.images.clarify.predict.choosing import Predictors, predictors
from modelyard.images.clarify.predict.labels import DEFAULT_THRESHOLD
from modelyard.images.clarify.predict.prediction import Prediction
from modelyard.images.clarify.report import document
from modelyard.images.clarify.settings import Monitor, Settings
from modelyard.images.clarify.subjects import monitoring
from modelyard.images.clarify.subjects.subject import Subject, of_dataset
from modelyard.images.processing import log
from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.layout import Layout


def run(settings: Settings, layout: Layout) -> str:
    """Run the job, and return the sentence that its owner is to read.

    Raises:
        ClientError: the job's owner can put it right.
    """
    monitor = settings.monitor
    config = config_reading.read(settings.config, monitors=monitor is not None)
    if monitor is not None:
        config = _as_monitored(config, monitor)
    baseline = None
    if monitor is not None and monitor.baseline is not None:
        baseline = Baseline.read(monitor.baseline)
    found = Findings(subject=_subject(settings, config))
    log.info(f"{len(found.subject.table)} rows of {len(found.subject.columns)} columns")
    with _model(settings, config, found.subject) as model:
        _analyse(settings, config, layout, found, model, baseline)
    if baseline is not None and monitor is not None:
        _check(found, baseline, monitor)
    _write(settings, config, layout, found)
    return found.sentence


def _as_monitored(config: AnalysisConfig, monitor: Monitor) -> AnalysisConfig:
    """Take from the monitor what the configuration leaves to it."""
    threshold = monitor.probability_threshold
    if threshold is None and monitor.probability is not None and monitor.inference is None:
        threshold = DEFAULT_THRESHOLD
    return config if threshold is None else replace(config, probability_threshold=threshold)


def _subject(settings: Settings, config: AnalysisConfig) -> Subject:
    if settings.monitor is not None:
        return monitoring.subject_of(settings.data, config, settings.monitor)
    return of_dataset(data_reading.read(settings.data, config), config)


@contextmanager
def _model(
    settings: Settings, config: AnalysisConfig, subject: Subject
) -> Iterator[Predictors | None]:
    """Have the model at hand where something asks for it."""
    wants_predictions = (
        any(stage.value == "post_training_bias" for stage in config.bias)
        and subject.predicted is None
        and subject.prediction is None
    )
    if not (config.needs_model or wants_predictions):
        yield None
        return
    found = predictors(settings, config)
    log.info(f"the model is {found.asked.name}")
    try:
        yield found
    finally:
        found.asked.close()


def _analyse(
    settings: Settings,
    config: AnalysisConfig,
    layout: Layout,
    found: Findings,
    model: Predictors | None,
    baseline: Baseline | None,
) -> None:
    if config.bias:
        found.bias = bias(
            found.subject,
            config,
            predict=None if model is None else lambda: _predictions(model, found.subject),
            baseline=baseline,
        )
    if model is None or not config.needs_model:
        return
    if settings.monitor is not None:
        found.subject = monitoring.sampled(found.subject)
    features = found.subject.model_input
    given = None if config.shap is None else _baseline_rows(settings, config, layout, features)
    asked = Model(
        predictor=model.asked,
        encoding=Encoding.of(features, *([] if given is None else [given])),
        label_headers=() if config.predictor is None else config.predictor.label_headers,
    )
    if config.shap is not None:
        tree = chosen_tree(settings.explainer, config.shap, config.predictor, model.trees)
        found.shap = attributions(asked, features, config.shap, tree=tree, baseline=given)
        log.info(f"explained by {found.shap.method}")
    if config.pdp is not None:
        found.curves = curves(asked, features, config.pdp, found.shap)


def _predictions(model: Predictors, subject: Subject) -> Prediction:
    encoding = Encoding.of(subject.model_input)
    return model.asked.predict(encoding.encode(subject.model_input), encoding)


def _baseline_rows(
    settings: Settings, config: AnalysisConfig, layout: Layout, features: pl.DataFrame
) -> pl.DataFrame | None:
    """Return the rows that the configuration gives as a baseline, if it gives any."""
    section: ShapSection | None = config.shap
    if section is None or section.baseline is None:
        return None
    what = "methods.shap.baseline"
    if isinstance(section.baseline, str):
        path = settings.file_of(section.baseline, layout, what=what)
        found = _read_rows(settings, path, config, features.columns)
    else:
        found = _given_rows(section.baseline, features.columns, what)
    if found.is_empty():
        raise ClientError(f"{what} has no row")
    return found.select(
        found[name].cast(dtype, strict=False) if dtype.is_numeric() else found[name].cast(pl.String)
        for name, dtype in zip(features.columns, features.dtypes, strict=True)
    )


def _read_rows(
    settings: Settings, path: Any, config: AnalysisConfig, names: list[str]
) -> pl.DataFrame:
    paths = data_reading.files_of(path)
    if not paths:
        raise ClientError(f"methods.shap.baseline: there is no file at {path}")
    own = replace(config, headers=names, label=None, predicted_label=None)
    kind = config.dataset_type
    if kind == "application/x-parquet":
        return parquet_table.read(paths[0], own)
    if kind in ("application/jsonlines", "application/json"):
        reader = json_text.read_lines if kind.endswith("lines") else json_text.read_document
        return reader(paths[0], own)
    return csv_text.read(paths[0], own)


def _given_rows(rows: Any, names: list[str], what: str) -> pl.DataFrame:
    listed = []
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict):
            row = row.get("features", [row.get(name) for name in names])
        if not isinstance(row, list) or len(row) != len(names):
            count = len(row) if isinstance(row, list) else "no"
            raise ClientError(
                f"{what}: row {number} has {count} values, and the model takes {len(names)}: "
                f"{', '.join(names)}"
            )
        listed.append(row)
    columns = zip(names, map(list, zip(*listed, strict=True)), strict=True)
    return pl.DataFrame([pl.Series(name, values, strict=False) for name, values in columns])


def _check(found: Findings, baseline: Baseline, monitor: Monitor) -> None:
    found.checked = True
    if found.bias is not None:
        found.bias_drift = bias_drift.check(
            found.bias.facets, baseline, confidence=monitor.confidence
        )
    if found.shap is not None:
        found.shifts = explanation_drift.shifts(
            found.shap.samples, baseline.document, confidence=monitor.attribution_confidence
        )


def _write(settings: Settings, config: AnalysisConfig, layout: Layout, found: Findings) -> None:
    output, monitor = settings.output, settings.monitor
    if found.shap is not None and config.shap is not None:
        folder = output / "explanations_shap"
        results.write_baseline(folder, found.shap)
        if config.shap.saves_local_values:
            results.write_local(folder, found.shap, found.subject.join)
    if found.checked:
        entries = results.violations(found.violations)
        results.write_json(output / "constraint_violations.json", entries)
    name = config.report_name or ("report" if monitor is not None else None)
    if name is not None:
        document.write(output, name, config, found, monitor)
    if monitor is not None and monitor.publishes_metrics:
        cloudwatch.write(layout, monitor, found.bias, found.shap)
    # The last one, so that whoever finds it finds the others too.
    content = results.analysis(found.bias, found.shap, found.curves)
    results.write_json(output / "analysis.json", content)
