"""What job definitions and schedules may ask for: the rules that the API's model does not state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from modelyard import clock
from modelyard.monitoring import job_requests, timing
from modelyard.monitoring.definition import Definition
from modelyard.monitoring.durations import parse_duration
from modelyard.monitoring.execution import Execution
from modelyard.monitoring.job_requests import Data
from modelyard.monitoring.timing import Window
from modelyard.monitoring.types import MODEL_QUALITY
from modelyard.store.resources import Json
from modelyard.store.s3_uris import S3Uri

#: Why a processing job could not be made of a request.
JobProblems = Callable[[Json], list[str]]

_PROBLEM_TYPES = ("Regression", "BinaryClassification", "MulticlassClassification")


def definition_problems(definition: Definition, job_problems: JobProblems) -> list[str]:
    """Return what stands against a definition.

    Args:
        job_problems: asked of the job that an execution would make.
    """
    found = [*_input_problems(definition), *_uri_problems(definition)]
    if definition.type is MODEL_QUALITY:
        found += _model_quality_problems(definition)
    return found or job_problems(job_requests.analysis(_example(definition), _some_data()))


def schedule_problems(config: Json, definition: Definition, now: datetime) -> list[str]:
    """Return what stands against a ScheduleConfig together with what it runs."""
    found = timing.problems_of(config, now)
    expression = config["ScheduleExpression"]
    if found or expression == timing.NOW:
        return found
    gap = timing.shortest_gap(timing.schedule_of(expression, now), now)
    limit = int(gap.total_seconds())
    if gap <= timing.HOUR:
        limit = definition.type.hourly_runtime_seconds
    seconds = definition.max_runtime_seconds
    if seconds > limit:
        found.append(
            f"StoppingCondition.MaxRuntimeInSeconds {seconds} is more than {limit}, which is what "
            f"a {definition.type.name} execution may take when {expression} is due: lower it, or "
            "run the schedule less often"
        )
    return found


def _input_problems(definition: Definition) -> Iterator[str]:
    given = definition.input
    if (definition.endpoint_input is None) == (definition.batch_input is None):
        yield "give either EndpointInput or BatchTransformInput"
        return
    if given.get("S3InputMode") == "Pipe":
        yield "S3InputMode Pipe is not offered: use File"
    if given.get("ExcludeFeaturesAttribute"):
        yield "ExcludeFeaturesAttribute is not offered: leave it out"
    batch_format = (definition.batch_input or {}).get("DatasetFormat", {})
    if "Parquet" in batch_format and definition.ground_truth is not None:
        yield (
            "DatasetFormat Parquet is not offered with ground truth: transform jobs, whose outputs "
            "are matched with it, write Csv or Json"
        )
    yield from timing.offset_problems(given)
    if definition.type.takes_labels and not definition.ground_truth:
        yield f"{definition.type.name} needs GroundTruthS3Input: use a job definition that has it"
    late = definition.environment.get("late_label_window")
    if late is not None:
        try:
            parse_duration(late)
        except ValueError as error:
            yield f"Environment: late_label_window: {error}"


def _uri_problems(definition: Definition) -> Iterator[str]:
    batch, app = definition.batch_input or {}, definition.app
    named = {
        "GroundTruthS3Input.S3Uri": definition.ground_truth,
        "DataCapturedDestinationS3Uri": batch.get("DataCapturedDestinationS3Uri"),
        "MonitoringOutputs.S3Output.S3Uri": definition.output["S3Uri"],
        "ConfigUri": app.get("ConfigUri"),
        "RecordPreprocessorSourceUri": app.get("RecordPreprocessorSourceUri"),
        "PostAnalyticsProcessorSourceUri": app.get("PostAnalyticsProcessorSourceUri"),
        **{
            f"{name}.S3Uri": (definition.baseline.get(name) or {}).get("S3Uri")
            for name in ("ConstraintsResource", "StatisticsResource")
        },
    }
    for member, text in named.items():
        if text:
            try:
                S3Uri.parse(text)
            except ValueError as error:
                yield f"{member}: {error}"


def _model_quality_problems(definition: Definition) -> Iterator[str]:
    kind, given = definition.app.get("ProblemType"), definition.input
    if kind is None:
        yield f"ProblemType is missing: use one of {', '.join(_PROBLEM_TYPES)}"
    elif kind == "BinaryClassification":
        if not given.get("InferenceAttribute") and not given.get("ProbabilityAttribute"):
            yield "InferenceAttribute or ProbabilityAttribute must be given for that ProblemType"
    elif not given.get("InferenceAttribute"):
        yield f"InferenceAttribute must be given for ProblemType {kind}"


def _example(definition: Definition) -> Execution:
    """Return an execution that never is, to see what its job would ask for."""
    moment = clock.now()
    return Execution(
        arn="example",
        schedule="example",
        schedule_arn="example",
        slot=moment,
        window=Window(start=moment - timedelta(hours=1), end=moment),
        definition=definition,
        caller={},
    )


def _some_data() -> Data:
    return Data(captured=[S3Uri("captured", "manifest")], capture_prefix="s3://captured/")
