"""What of a Clarify job's configuration is for the platform: which model it asks, which objects.

The program itself reads `analysis_config.json` and tells all that is wrong with it
(`images.clarify.config`). So here whatever is not as it must be is passed over in silence, with one
exception: a file that is too large to be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from modelyard.compute.job_files import BASE
from modelyard.jobs.data_error import DataError
from modelyard.store.s3_uris import S3Uri

MAX_CONFIG_BYTES = 4 * 2**20  # the reference allows 1 MB of JSON; baselines may be in it

_NAME = "analysis_config.json"
_FOLDER = f"{BASE}/processing/input/config"
#: What says in its environment that a monitor started the job: the answers are captured ones then.
_OF_MONITORS = ("dataset_format", "baseline_constraints", "sagemaker_monitoring_schedule_name")
_ASKING = ("shap", "pdp")


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What a configuration asks of the platform."""

    model: str | None = None
    endpoint: str | None = None
    objects: Sequence[S3Uri] = ()

    @property
    def asks_model(self) -> bool:
        """Whether a model is to be served beside the job."""
        return bool(self.model or self.endpoint)

    @classmethod
    def of(cls, document: Any, *, monitors: bool) -> Self:
        """Return what a configuration asks for.

        Args:
            monitors: whether a monitor started the job.
        """
        config, predictor = _section(document), _section(_section(document).get("predictor"))
        if not _needs_model(config, monitors=monitors):
            predictor = {}
        model = _name(predictor.get("model_name"))
        return cls(
            model=model,
            endpoint=None if model else _name(predictor.get("endpoint_name")),
            objects=tuple(_objects(config)),
        )


def path_of(environment: Mapping[str, str]) -> str:
    """Return where the program looks for its configuration, as it sees it."""
    told = environment.get("analysis_config", "").strip().removeprefix("file://") or _FOLDER
    return told if Path(told).suffix else f"{told}/{_NAME}"


def read(path: Path, environment: Mapping[str, str]) -> Analysis:
    """Return what the configuration in a staged file asks for. Blocking.

    Raises:
        DataError: it is too large.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
    except OSError:
        return Analysis()
    if len(text) > MAX_CONFIG_BYTES:
        raise DataError(
            f"{path.name} has more than {MAX_CONFIG_BYTES:,} bytes: give a baseline as a file of "
            "its own, by its S3 URI"
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Analysis()
    return Analysis.of(document, monitors=any(environment.get(name) for name in _OF_MONITORS))


def _needs_model(config: Mapping[str, Any], *, monitors: bool) -> bool:
    methods = _section(config.get("methods"))
    if any(name in methods for name in _ASKING):
        return True
    # The answers that bias is looked for in may have come with the rows.
    return "post_training_bias" in methods and not monitors and not config.get("predicted_label")


def _objects(config: Mapping[str, Any]) -> list[S3Uri]:
    baseline = _section(_section(config.get("methods")).get("shap")).get("baseline")
    if not isinstance(baseline, str) or not baseline.startswith("s3://"):
        return []
    try:
        return [S3Uri.parse(baseline)]
    except ValueError as error:
        raise DataError(f"methods.shap.baseline: {error}") from error


def _section(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
