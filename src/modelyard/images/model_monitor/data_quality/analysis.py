"""The data quality analysis: read, count, compare, write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from modelyard.images.model_monitor import files, metrics
from modelyard.images.model_monitor.data_quality import (
    checks,
    constraints,
    exchange,
    report,
    statistics,
)
from modelyard.images.model_monitor.data_quality.baseline import Baseline
from modelyard.images.model_monitor.data_quality.counting import count_frame
from modelyard.images.model_monitor.data_quality.profiles import DatasetProfile
from modelyard.images.model_monitor.data_quality.result import Result
from modelyard.images.model_monitor.hosts import Hosts, collect, send
from modelyard.images.model_monitor.losses import Losses
from modelyard.images.model_monitor.metrics import Metric
from modelyard.images.model_monitor.outcome import Outcome
from modelyard.images.model_monitor.readers import MixedColumn, Reading, batches
from modelyard.images.model_monitor.scripts import Preprocessor
from modelyard.images.model_monitor.settings import Settings
from modelyard.images.processing import log
from modelyard.images.processing.errors import NoDataError
from modelyard.images.processing.layout import Layout


def analyse(settings: Settings, layout: Layout) -> Outcome:
    """Analyse the data set, and write all files.

    Raises:
        ClientError: the data, the baseline or a script is wrong.
        NoDataError: there is no data.
    """
    baseline = Baseline.read(settings)
    hosts = Hosts.read(layout)
    profile, reading = profile_of(settings, baseline)
    if hosts.others and not hosts.leads:
        send(hosts, exchange.packed(profile))
        return Outcome(violations=None, remarks=[f"{hosts.names[0]} has what was counted here."])
    for content in collect(hosts) if hosts.others else []:
        profile.merge(exchange.unpacked(content))
    if not profile.rows:
        raise NoDataError(_nothing(settings, reading.losses))
    result = compare(profile, baseline)
    result.losses, result.notes = reading.losses, reading.notes
    _write(result, settings, baseline)
    if settings.publishes_metrics:
        metrics.write(
            _metrics(result, baseline), kind="data-metrics", settings=settings, layout=layout
        )
    report.write(result, baseline, settings)
    count = None if result.violations is None else len(result.violations)
    return Outcome(violations=count, remarks=[*result.losses.sentences(), *result.notes])


def profile_of(settings: Settings, baseline: Baseline) -> tuple[DatasetProfile, Reading]:
    """Read and count this host's part of the data set."""
    paths = files.find(settings.dataset_source)
    with ExitStack() as stack:
        reading = Reading(
            format=settings.dataset_format,
            losses=Losses(),
            expected={feature.name: feature.inferred_type for feature in baseline.features},
        )
        if settings.record_preprocessor is not None:
            reading.preprocessor = stack.enter_context(Preprocessor(settings.record_preprocessor))
        profile = _counted(paths, reading)
    log.info(f"{profile.rows} rows in {len(profile.columns)} columns of {len(paths)} files")
    for sentence in (*reading.losses.sentences(), *reading.notes):
        log.warning(sentence)
    return profile, reading


def compare(profile: DatasetProfile, baseline: Baseline) -> Result:
    """Check what was counted against the baseline."""
    result = Result(profile, Losses(), [])
    for feature in baseline.features:
        column = profile.columns.get(feature.name)
        if column is not None:
            found = checks.drift_of(feature, column, baseline.statistics)
            if found is not None:
                result.drifts[feature.name] = found
    if baseline.config is not None and baseline.config.evaluates:
        result.violations = checks.check(profile, baseline.features, result.drifts)
    return result


def _counted(paths: list[Path], reading: Reading) -> DatasetProfile:
    while True:
        profile = DatasetProfile()
        try:
            for frame in batches(paths, reading):
                count_frame(profile, frame)
        except MixedColumn as mixed:
            log.info(f"column {mixed} holds text as well as numbers: reading again")
            reading.begin_again()
        else:
            return profile


def _nothing(settings: Settings, losses: Losses) -> str:
    what = "captured data" if settings.dataset_format.kind == "capture" else "data"
    lost = f"; {'; '.join(losses.sentences())}" if losses.total else ""
    where = settings.window or f"in {settings.dataset_source}"
    return f"no {what} {where}{lost}"


def _write(result: Result, settings: Settings, baseline: Baseline) -> None:
    output, profile = settings.output, result.profile
    files.write_json(output / "statistics.json", statistics.document(profile))
    suggested = constraints.document(
        profile, categorical_drift_method=settings.categorical_drift_method
    )
    files.write_json(output / "constraints.json", suggested)
    if baseline.config is not None:
        found = [violation.document() for violation in result.violations or []]
        files.write_json(output / "constraint_violations.json", {"violations": found})


def _metrics(result: Result, baseline: Baseline) -> Iterator[Metric]:
    """The reference's names: feature_data_, feature_non_null_ and feature_baseline_drift_."""
    silent = {feature.name for feature in baseline.features if not feature.config.emits_metrics}
    if baseline.config is not None and not baseline.config.emits_metrics:
        silent |= set(result.profile.columns)
    for name, column in result.profile.columns.items():
        if name in silent:
            continue
        yield Metric(f"feature_non_null_{name}", float(column.present))
        if column.numbers.count:
            numbers = column.numbers
            yield Metric(
                f"feature_data_{name}",
                statistics={
                    "Sum": numbers.sum,
                    "Minimum": numbers.low,
                    "Maximum": numbers.high,
                    "SampleCount": float(numbers.count),
                },
            )
        if name in result.drifts:
            yield Metric(f"feature_baseline_drift_{name}", result.drifts[name].value)
    if result.violations is not None:
        yield Metric("violations", float(len(result.violations)))
    yield Metric("rows", float(result.profile.rows))
    yield Metric("rows_left_out", float(result.losses.total))
