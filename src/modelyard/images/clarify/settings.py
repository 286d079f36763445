"""The job's settings: its environment variables.

Those in small letters are a monitor's, as the platform and the SDK of the reference name them;
without any of them the job is an analysis that a user started. Those in capitals are what the
platform does in place of a shadow endpoint and of the container's own way to S3:

`CLARIFY_PREDICTOR_URL`: where the model's serving program listens (see `predict.serving`); several
addresses, separated by commas, are programs that are all alike.
`CLARIFY_MODEL_DIR`: a folder with the model's files, of which XGBoost's and LightGBM's are read.
`CLARIFY_PREDICTOR_WAIT_SECONDS`: how long the serving program may take to become ready; 120.
`CLARIFY_S3_FILES`: a JSON object that says where the files of an S3 URI were put.
`CLARIFY_EXPLAINER`: `auto`, `kernel` or `tree`; see `explain.explainer`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.layout import Layout
from modelyard.images.processing.variables import Variables

AUTO, KERNEL, TREE = "auto", "kernel", "tree"
_INPUT, _OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
_CONFIDENCE = 0.99  # unless told
#: By the members of `dataset_format`, what kind of dataset they mean.
_FORMATS = {
    "sagemakerCaptureJson": "application/sagemakercapturejson",
    "csv": "text/csv",
    "json": "application/jsonlines",
    "parquet": "application/x-parquet",
}


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """What is known of the monitor that started the job."""

    endpoint: str | None
    schedule: str | None
    start: datetime | None
    end: datetime | None
    dataset_type: str
    baseline: Path | None
    publishes_metrics: bool
    metric_time: datetime | None
    features: str | None
    inference: str | None
    probability: str | None
    probability_threshold: float | None
    confidence: float  # of the check of a whole run for a drift of bias
    attribution_confidence: float  # likewise, of attributions

    @property
    def window(self) -> str:
        """The time of the data, in words."""
        if self.start is None or self.end is None:
            return ""
        return f" between {self.start:%Y-%m-%dT%H:%M:%SZ} and {self.end:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the job is to do, and with what."""

    config: Path
    data: Path
    output: Path
    monitor: Monitor | None
    predictor_urls: Sequence[str]
    predictor_wait_seconds: float
    model_folder: Path | None
    s3_files: Mapping[str, Path]
    explainer: str

    @classmethod
    def read(cls, environment: Mapping[str, str], layout: Layout) -> Settings:
        """Read the settings.

        Raises:
            ClientError: some are wrong; all of them are told at once.
        """
        reading = _Reading(environment, layout)
        settings = cls(
            config=_file_in(
                reading.path("analysis_config") or layout.translate(f"{_INPUT}/config")
            ),
            data=reading.path("dataset_source") or layout.translate(f"{_INPUT}/data"),
            output=reading.path("output_path") or layout.translate(_OUTPUT),
            monitor=reading.monitor(),
            predictor_urls=reading.addresses("CLARIFY_PREDICTOR_URL"),
            predictor_wait_seconds=reading.number("CLARIFY_PREDICTOR_WAIT_SECONDS") or 120.0,
            model_folder=reading.path("CLARIFY_MODEL_DIR"),
            s3_files=reading.s3_files(),
            explainer=reading.choice("CLARIFY_EXPLAINER", (AUTO, KERNEL, TREE)),
        )
        if reading.problems:
            raise ClientError.of(reading.problems)
        return settings

    def file_of(self, uri: str, layout: Layout, *, what: str) -> Path:
        """Return where the file of an S3 URI, or of a path of the contract, lies.

        Raises:
            ClientError: it was not put anywhere.
        """
        if uri in self.s3_files:
            return self.s3_files[uri]
        if uri.startswith("/"):
            return layout.translate(uri)
        raise ClientError(
            f"{what} {uri!r} is not among the files that the job was given: CLARIFY_S3_FILES says "
            f"where {', '.join(self.s3_files) or 'nothing'} lies"
        )


def _file_in(path: Path) -> Path:
    return path / "analysis_config.json" if path.is_dir() or not path.suffix else path


class _Reading(Variables):
    """The environment, and what is wrong with it so far."""

    def addresses(self, name: str) -> list[str]:
        """Return addresses that are separated by commas; a path is one of the contract."""
        given = [address.strip() for address in (self.given(name) or "").split(",")]
        return [
            str(self._layout.translate(address)) if address.startswith("/") else address
            for address in given
            if address
        ]

    def s3_files(self) -> dict[str, Path]:
        """Return where the files of S3 URIs are."""
        value = self.given("CLARIFY_S3_FILES")
        try:
            found = json.loads(value or "{}")
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(isinstance(path, str) for path in found.values()):
            self.problems.append("CLARIFY_S3_FILES must be a JSON object of paths by S3 URIs")
            return {}
        return {uri: self._layout.translate(path) for uri, path in found.items()}

    def monitor(self) -> Monitor | None:
        """Return what a monitor says, if one started the job."""
        marks = ("dataset_format", "baseline_constraints", "sagemaker_monitoring_schedule_name")
        if not any(self.given(mark) for mark in marks):
            return None
        return Monitor(
            endpoint=self.given("sagemaker_endpoint_name"),
            schedule=self.given("sagemaker_monitoring_schedule_name"),
            start=self.time("start_time"),
            end=self.time("end_time"),
            dataset_type=self._dataset_type(),
            baseline=self.path("baseline_constraints"),
            publishes_metrics=self.given("publish_cloudwatch_metrics") != "Disabled",
            metric_time=self.time("metric_time"),
            features=self.given("features_attribute"),
            inference=self.given("inference_attribute"),
            probability=self.given("probability_attribute"),
            probability_threshold=self.number("probability_threshold_attribute"),
            confidence=self._confidence("bias_drift_confidence"),
            attribution_confidence=self._confidence("attribution_drift_confidence"),
        )

    def _confidence(self, name: str) -> float:
        value = self.number(name)
        confidence = _CONFIDENCE if value is None else value
        if not 0 < confidence < 1:
            self.problems.append(f"{name} {confidence:g} must lie within (0, 1)")
        return confidence

    def _dataset_type(self) -> str:
        value = self.given("dataset_format") or '{"sagemakerCaptureJson": {}}'
        try:
            document = json.loads(value)
        except ValueError:
            document = None
        names = list(document) if isinstance(document, dict) else []
        if len(names) != 1 or names[0] not in _FORMATS:
            self.problems.append(
                f"dataset_format {value!r} must be a JSON object with one of {', '.join(_FORMATS)}"
            )
            return ""
        return _FORMATS[names[0]]
