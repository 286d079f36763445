"""The job's settings: its environment variables, as the platform and the SDK name them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from modelyard.images.model_monitor.dataset_format import CAPTURE, PARQUET, DatasetFormat
from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.layout import Layout
from modelyard.images.processing.variables import Variables

DATA_QUALITY, MODEL_QUALITY, MERGE = "DATA_QUALITY", "MODEL_QUALITY", "MERGE"
REGRESSION, BINARY, MULTICLASS = "Regression", "BinaryClassification", "MulticlassClassification"
PROBLEM_TYPES = (REGRESSION, BINARY, MULTICLASS)
DRIFT_METHODS = ("LInfinity", "ChiSquared")

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Where label, prediction and probability lie: a name, an index or a JSON path."""

    ground_truth: str | None = None
    inference: str | None = None
    probability: str | None = None
    probability_threshold: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the job is to do."""

    analysis: str
    dataset_format: DatasetFormat
    dataset_source: Path
    output: Path
    ground_truth_source: Path | None
    baseline_constraints: Path | None
    baseline_statistics: Path | None
    problem_type: str | None
    attributes: Attributes
    start: datetime | None
    end: datetime | None
    late_labels: timedelta  # how long after its invocation a label may still come
    metric_time: datetime | None
    endpoint: str | None
    schedule: str | None
    publishes_metrics: bool
    categorical_drift_method: str
    record_preprocessor: Path | None
    post_analytics: Path | None

    @property
    def window(self) -> str:
        """The time of the data, in words."""
        if self.start is None or self.end is None:
            return ""
        return f"between {self.start:%Y-%m-%dT%H:%M:%SZ} and {self.end:%Y-%m-%dT%H:%M:%SZ}"

    @classmethod
    def read(cls, environment: Mapping[str, str], layout: Layout) -> Settings:
        """Read the settings.

        Raises:
            ClientError: some are missing or wrong; all of them are told at once.
        """
        reading = _Reading(environment, layout)
        settings = cls(
            analysis=reading.choice("analysis_type", (DATA_QUALITY, MODEL_QUALITY, MERGE)),
            dataset_format=reading.dataset_format(),
            dataset_source=reading.path("dataset_source") or layout.base,
            output=reading.path("output_path") or layout.base,
            ground_truth_source=reading.path("ground_truth_source"),
            baseline_constraints=reading.path("baseline_constraints"),
            baseline_statistics=reading.path("baseline_statistics"),
            problem_type=reading.given("problem_type"),
            attributes=reading.attributes(),
            start=reading.time("start_time"),
            end=reading.time("end_time"),
            late_labels=reading.duration("late_label_window", timedelta(days=1)),
            metric_time=reading.time("metric_time"),
            endpoint=reading.given("sagemaker_endpoint_name"),
            schedule=reading.given("sagemaker_monitoring_schedule_name"),
            publishes_metrics=(reading.given("publish_cloudwatch_metrics") or "") == "Enabled",
            categorical_drift_method=reading.choice("categorical_drift_method", DRIFT_METHODS),
            record_preprocessor=reading.path("record_preprocessor_script"),
            post_analytics=reading.path("post_analytics_processor_script"),
        )
        reading.problems += _together(settings, reading)
        if reading.problems:
            raise ClientError.of(reading.problems)
        return settings


def _together(settings: Settings, reading: _Reading) -> list[str]:
    problems = [
        f"{name} must be given"
        for name in ("dataset_source", "output_path", "dataset_format")
        if reading.given(name) is None
    ]
    if settings.start and settings.end and settings.start >= settings.end:
        problems.append(f"start_time {settings.start} must lie before end_time {settings.end}")
    if settings.analysis == MERGE and settings.ground_truth_source is None:
        problems.append("ground_truth_source must be given for analysis_type MERGE")
    if settings.ground_truth_source is not None and settings.dataset_format.kind == PARQUET:
        problems.append("ground_truth_source cannot be merged with parquet: use csv or json")
    if settings.analysis == MODEL_QUALITY:
        problems += _model_quality(settings)
    return problems


def _model_quality(settings: Settings) -> list[str]:
    """The reference's own sentences, misleading "must not" and all: clients know them."""
    kind, places = settings.problem_type, settings.attributes
    if kind not in PROBLEM_TYPES:
        return [f"The {kind} is not valid. ProblemType must be {list(PROBLEM_TYPES)}"]
    problems = []
    if kind == BINARY and places.inference is None and places.probability is None:
        problems.append(
            "InferenceAttribute or (ProbabilityAttribute/ProbabilityThresholdAttribute) must be "
            "provided for ProblemType: BinaryClassification"
        )
    if kind != BINARY and places.inference is None:
        problems.append(
            "InferenceAttribute must not be provided for ProblemType: "
            "Regression or MulticlassClassification"
        )
    labelled = settings.dataset_format.kind == CAPTURE or settings.ground_truth_source is not None
    if places.ground_truth is None and not labelled:
        problems.append("GroundTruthAttribute must be provided")
    return problems


class _Reading(Variables):
    """The environment, and what is wrong with it so far."""

    def duration(self, name: str, default: timedelta) -> timedelta:
        """Return a duration in ISO 8601's form."""
        value = self.given(name)
        if value is None:
            return default
        match = _DURATION.fullmatch(value)
        if match is None or not any(match.groups()):
            self.problems.append(f"{name} {value!r} must be a duration such as PT6H or P2D")
            return default
        return timedelta(**{unit: int(count) for unit, count in match.groupdict("0").items()})

    def dataset_format(self) -> DatasetFormat:
        """Return the data set's format; CSV where the settings are wrong anyway."""
        try:
            return DatasetFormat.parse(self.given("dataset_format") or '{"csv":{}}')
        except ClientError as error:
            self.problems.append(str(error))
            return DatasetFormat(kind="csv")

    def attributes(self) -> Attributes:
        """Return where label, prediction and probability lie."""
        return Attributes(
            ground_truth=self.given("ground_truth_attribute"),
            inference=self.given("inference_attribute"),
            probability=self.given("probability_attribute"),
            probability_threshold=self._threshold(),
        )

    def _threshold(self) -> float:
        value = self.given("probability_threshold_attribute")
        try:
            threshold = 0.5 if value is None else float(value)
        except ValueError:
            threshold = -1.0
        if not 0 <= threshold <= 1:
            self.problems.append(
                f"probability_threshold_attribute {value!r} must be a number from 0 to 1"
            )
        return threshold
