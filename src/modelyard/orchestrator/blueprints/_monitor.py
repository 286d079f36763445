"""What the four monitor blueprints have in common: attributes, names, and rules over several."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard import clock
from modelyard.monitoring import timing
from modelyard.monitoring.types import MonitorType
from modelyard.orchestrator.blueprints._base import (
    KMS_KEY_ARN,
    Attribute,
    PipelineType,
    Place,
    Problem,
    add_problems,
    without_slash,
)
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.names import shortened

PROBLEM_TYPES = ("Regression", "BinaryClassification", "MulticlassClassification")
_BINARY = "BinaryClassification"
_NAME_LIMIT = 63
_SECONDS = "monitor_max_runtime_seconds"
_AN_HOUR = 3600  # seconds
_DIGITS = re.compile(r"[0-9]{1,9}")
_SUFFIX = 4  # hexadecimal digits
#: What stands for the hour in the guide's examples: `<prefix>/<yyyy>/<mm>/<dd>/<hh>`.
_HOUR = re.compile(r"/<?yyyy>?/<?mm>?/<?dd>?/<?hh>?/?", re.IGNORECASE)


def _location(name: str, parameter: str) -> Attribute:
    return Attribute(
        name=name, parameter=parameter, required=True, per_stage=True, prepare=without_slash
    )


#: What every monitor is told, in the order in which the API asks for it.
SHARED = (
    Attribute(
        name="model_name",
        parameter="ModelName",
        required=True,
        prepare=str.strip,
        meaning="With several accounts it may be left out: the first stage's endpoint stands in.",
    ),
    Attribute(
        name="endpoint_name",
        parameter="EndpointName",
        required=True,
        per_stage=True,
        prepare=lambda text: text.lower().strip(),
    ),
    Attribute(
        name="baseline_data",
        parameter="BaselineData",
        required=True,
        spellings=("training_data",),
        is_asset=True,
    ),
    _location("baseline_job_output_location", "BaselineJobOutputLocation"),
    _location("data_capture_location", "DataCaptureLocation"),
    _location("monitoring_output_location", "MonitoringOutputLocation"),
    Attribute(
        name="schedule_expression",
        parameter="ScheduleExpression",
        required=True,
        per_stage=True,
        prepare=str.strip,
    ),
    Attribute(
        name=_SECONDS,
        parameter="MonitorMaxRuntimeSeconds",
        required=True,
        per_stage=True,
    ),
    Attribute(name="instance_type", parameter="InstanceType", required=True, per_stage=True),
    Attribute(
        name="instance_volume_size", parameter="InstanceVolumeSize", required=True, per_stage=True
    ),
    Attribute(
        name="baseline_max_runtime_seconds",
        parameter="BaselineMaxRuntimeSeconds",
        per_stage=True,
    ),
    KMS_KEY_ARN,
)
#: The type of problem; a blueprint that has a use for it takes it as a parameter.
PROBLEM_TYPE = Attribute(
    name="problem_type",
    required=True,
    prepare=str.strip,
    meaning=f"What the model answers: {', '.join(PROBLEM_TYPES)}.",
)
GROUND_TRUTH = Attribute(
    name="monitor_ground_truth_input",
    parameter="GroundTruthInput",
    required=True,
    per_stage=True,
    prepare=lambda text: without_slash(_HOUR.sub("", text)),
)
#: Where answers have what; each is for some types of problem only.
INFERENCE = Attribute(name="monitor_inference_attribute", parameter="InferenceAttribute")
PROBABILITY = Attribute(name="monitor_probability_attribute", parameter="ProbabilityAttribute")
THRESHOLD = Attribute(
    name="probability_threshold_attribute", parameter="ProbabilityThresholdAttribute"
)
FEATURES = Attribute(name="features_attribute", parameter="FeaturesAttribute")


class MonitorPipeline(PipelineType):
    """One of the four; see `PipelineType`."""

    monitor: MonitorType
    #: The image's framework and version.
    framework: tuple[str, str]

    @property
    def named_by(self) -> Mapping[str, str]:  # type: ignore[override]
        return {f"{self.monitor.name}JobDefinition": "endpoint_name"}

    def completed(self, body: Mapping[str, Any], stages: Sequence[str]) -> Mapping[str, Any]:
        """Name the pipeline after the first stage's endpoint, where no model is named.

        The guide's bodies for several accounts name none.
        """
        endpoint = body.get("endpoint_name")
        if isinstance(endpoint, Mapping):
            endpoint = endpoint.get(stages[0])
        if self.named_after in body or not isinstance(endpoint, str):
            return body
        return {**body, self.named_after: endpoint}

    def required_too(self, given: Mapping[str, str]) -> Sequence[str]:
        kind = str(given.get("problem_type", "")).strip()
        if PROBLEM_TYPE.name in given and kind not in PROBLEM_TYPES:
            raise BadRequest(
                [
                    "Bad request format. Unsupported problem_type in byom_model_quality_monitor "
                    "pipeline",
                    f"problem_type: {kind!r} is none of {', '.join(PROBLEM_TYPES)}",
                ]
            )
        if kind and kind != _BINARY and any(one is INFERENCE for one in self.attributes):
            return [INFERENCE.name]
        return []

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        made = {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
            "ImageUri": place.retrieve_image(*self.framework, place.region),
        }
        if values.get("endpoint_name"):
            stem = f"{values['endpoint_name']}-{self._word}"
            made["BaselineJobName"] = _new_name(stem)
            made["MonitoringScheduleName"] = _new_name(stem)
        if self._is_lowered(values):
            made["MonitorMaxRuntimeSeconds"] = str(self.monitor.hourly_runtime_seconds)
        if values.get("problem_type") not in (None, _BINARY):
            # They are passed on for that type of problem only.
            made |= {
                str(one.parameter): ""
                for one in (PROBABILITY, THRESHOLD)
                if any(own is one for own in self.attributes)
            }
        return made

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        checks = {
            "baseline_data": place.assets.header_problem,
            "baseline_job_output_location": place.assets.bucket_problem,
            "data_capture_location": place.assets.bucket_problem,
            "monitoring_output_location": place.assets.bucket_problem,
            "monitor_ground_truth_input": place.assets.bucket_problem,
            "schedule_expression": _schedule_problem,
            "endpoint_name": lambda name: _endpoint_problem(place, name),
        }
        add_problems(values, checks, problems)
        if not any(problem.attribute == "schedule_expression" for problem in problems):
            _check_runtime(values, problems)

    @property
    def _word(self) -> str:
        """What names say of the monitor: `dataquality`."""
        return self.monitor.name.lower()

    def remarks(self, values: Mapping[str, str]) -> Sequence[str]:
        if not self._is_lowered(values):
            return []
        limit = self.monitor.hourly_runtime_seconds
        return [
            f"{_SECONDS}: {values[_SECONDS]} was lowered to {limit}, which is what an hourly "
            f"{self._word} monitor may take"
        ]

    def _is_lowered(self, values: Mapping[str, str]) -> bool:
        """Return whether an hourly monitor is given more than its share of the hour.

        The guide's bodies give 3,300 seconds to monitors of all types, though it says itself that
        those which wait for labels have 1,800.
        """
        seconds = _hourly_seconds(values)
        return seconds is not None and self.monitor.hourly_runtime_seconds < seconds <= _AN_HOUR


def _check_runtime(values: Mapping[str, str], problems: list[Problem]) -> None:
    seconds = _hourly_seconds(values)
    if seconds is not None and seconds > _AN_HOUR:
        text = f"{seconds} is more than {_AN_HOUR}, which is when an hourly monitor runs again"
        problems.append(Problem(attribute=_SECONDS, text=text))


def _hourly_seconds(values: Mapping[str, str]) -> int | None:
    """Return what an hourly monitor may take as it is asked for; None for any other."""
    expression, seconds = values.get("schedule_expression"), values.get(_SECONDS, "")
    if not expression or _schedule_problem(expression) or not _DIGITS.fullmatch(seconds):
        return None
    now = clock.now()
    gap = timing.shortest_gap(timing.schedule_of(expression, now), now)
    return int(seconds) if gap <= timing.HOUR else None


def _new_name(stem: str) -> str:
    return f"{shortened(stem, _NAME_LIMIT - 1 - _SUFFIX)}-{secrets.token_hex(_SUFFIX // 2)}"


def _schedule_problem(expression: str) -> str | None:
    found = timing.problems_of({"ScheduleExpression": expression}, clock.now())
    return found[0].removeprefix("ScheduleExpression: ") if found else None


def _endpoint_problem(place: Place, name: str) -> str | None:
    try:
        place.model_of(name)
    except ValueError as error:
        return str(error)
    return None
