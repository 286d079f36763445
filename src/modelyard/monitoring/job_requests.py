"""The processing jobs of an execution, as requests: what the platform gives its container.

The variables are the reference's:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.monitoring.definition import Definition
from modelyard.monitoring.execution import Execution
from modelyard.monitoring.types import MODEL_QUALITY
from modelyard.store.resources import Json
from modelyard.store.s3_uris import S3Uri

ANALYSIS, MERGE = "model-monitoring", "groundtruth-merge"

_FOLDER = "/opt/ml/processing"
_LABELS = f"{_FOLDER}/ground_truth"
_CONFIG = f"{_FOLDER}/input/config"
_MERGED = f"{_FOLDER}/output"
#: What a definition's own variables may say otherwise.
_OVERRIDABLE: Mapping[str, str] = {"publish_cloudwatch_metrics": "Enabled"}
_CAPTURE = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}


@dataclass(frozen=True, kw_only=True)
class Data:
    """The manifests of what a job looks at; merged data is a folder instead."""

    captured: Sequence[S3Uri] = ()
    labels: Sequence[S3Uri] = ()
    merged: S3Uri | None = None
    capture_prefix: str = ""  # of the endpoint


def analysis(execution: Execution, data: Data) -> dict[str, Any]:
    """Return the CreateProcessingJob request of the analysis itself."""
    definition = execution.definition
    return _request(
        execution,
        ANALYSIS,
        image=_program(definition),
        inputs=[*_data_inputs(definition, data), *_label_inputs(data), *_files(definition)],
        output={
            "S3Uri": str(execution.report),
            "LocalPath": definition.output["LocalPath"],
            "S3UploadMode": definition.output.get("S3UploadMode", "EndOfJob"),
        },
        environment={
            **_OVERRIDABLE,
            **definition.environment,
            **_shared(execution, data),
            **_particular(definition, data),
            "output_path": definition.output["LocalPath"],
        },
    )


def merge(execution: Execution, data: Data, image: str) -> dict[str, Any]:
    """Return the CreateProcessingJob request that brings invocations and labels together.

    Args:
        image: the URI of the monitor analyzer, which merges.
    """
    return _request(
        execution,
        MERGE,
        image={"ImageUri": image},
        inputs=[*_data_inputs(execution.definition, data), *_label_inputs(data)],
        output={
            "S3Uri": str(execution.merged),
            "LocalPath": _MERGED,
            "S3UploadMode": "EndOfJob",
        },
        environment={
            **_late(execution.definition),
            **_shared(execution, data),
            "analysis_type": "MERGE",
            "ground_truth_source": _LABELS,
            "output_path": _MERGED,
        },
    )


def _request(
    execution: Execution,
    kind: str,
    *,
    image: Json,
    inputs: Sequence[Json],
    output: Json,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    definition = execution.definition
    request: dict[str, Any] = {
        "ProcessingJobName": execution.job_name(kind),
        "AppSpecification": dict(image),
        "ProcessingInputs": list(inputs),
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "monitoring_output", "S3Output": dict(output)}]
        },
        "ProcessingResources": {"ClusterConfig": dict(definition.cluster)},
        "StoppingCondition": {"MaxRuntimeInSeconds": definition.max_runtime_seconds},
        "Environment": dict(environment),
        "RoleArn": definition.role,
    }
    if definition.key:
        request["ProcessingOutputConfig"]["KmsKeyId"] = definition.key
    if definition.network is not None:
        request["NetworkConfig"] = dict(definition.network)
    return request


def _program(definition: Definition) -> Json:
    names = ("ImageUri", "ContainerEntrypoint", "ContainerArguments")
    return {name: definition.app[name] for name in names if name in definition.app}


def _data_inputs(definition: Definition, data: Data) -> list[Json]:
    folder = definition.input["LocalPath"]
    sharing = {
        "S3DataDistributionType": definition.input.get("S3DataDistributionType", "FullyReplicated")
    }
    if data.merged is not None:
        return [_input("endpoint_input_1", str(data.merged), folder, **sharing)]
    several = len(data.captured) > 1
    return [
        _input(
            f"endpoint_input_{number}",
            str(manifest),
            f"{folder}/{number}" if several else folder,
            S3DataType="ManifestFile",
            **sharing,
        )
        for number, manifest in enumerate(data.captured, 1)
    ]


def _label_inputs(data: Data) -> list[Json]:
    return [
        _input(f"ground_truth_{number}", str(manifest), _LABELS, S3DataType="ManifestFile")
        for number, manifest in enumerate(data.labels, 1)
    ]


def _files(definition: Definition) -> list[Json]:
    """Return the inputs that are a file each: baseline, configuration, scripts."""
    return [_input(name, uri, folder) for name, uri, folder, _ in _given_files(definition)]


def _given_files(definition: Definition) -> list[tuple[str, str, str, str]]:
    """Return name, URI, folder and variable of each file that a definition names."""
    baseline, app = definition.baseline, definition.app
    named = (
        ("constraints", baseline.get("ConstraintsResource"), "baseline_constraints"),
        ("baseline", baseline.get("StatisticsResource"), "baseline_statistics"),
    )
    found = [
        (name, resource["S3Uri"], f"{_FOLDER}/{name}", variable)
        for name, resource, variable in named
        if resource and resource.get("S3Uri")
    ]
    if app.get("ConfigUri"):
        found.append(("analysis_config", app["ConfigUri"], _CONFIG, "analysis_config"))
    scripts = (
        ("pre_processor_script", "RecordPreprocessorSourceUri", "record_preprocessor_script"),
        (
            "post_processor_script",
            "PostAnalyticsProcessorSourceUri",
            "post_analytics_processor_script",
        ),
    )
    found += [
        (name, app[member], f"{_FOLDER}/code/{name}", variable)
        for name, member, variable in scripts
        if app.get(member)
    ]
    return found


def _input(name: str, uri: str, folder: str, **members: str) -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": folder, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**s3, **members}}


def _shared(execution: Execution, data: Data) -> dict[str, str]:
    definition = execution.definition
    of_endpoint = {
        "sagemaker_endpoint_name": definition.endpoint,
        "sagemaker_endpoint_datacapture_prefix": data.capture_prefix,
    }
    return {
        "dataset_source": definition.input["LocalPath"],
        "dataset_format": json.dumps(_format(definition, data)),
        "start_time": f"{execution.window.start:%Y-%m-%dT%H:%M:%SZ}",
        "end_time": f"{execution.window.end:%Y-%m-%dT%H:%M:%SZ}",
        "sagemaker_monitoring_schedule_name": execution.schedule,
        **{name: value for name, value in of_endpoint.items() if value},
    }


def _particular(definition: Definition, data: Data) -> dict[str, str]:
    """Return the variables of a type of monitor, and of the files that are given."""
    given = definition.input
    found = {
        variable: f"{folder}/{posixpath.basename(uri)}"
        for _, uri, folder, variable in _given_files(definition)
    }
    places = {
        "features_attribute": given.get("FeaturesAttribute"),
        "inference_attribute": given.get("InferenceAttribute"),
        "probability_attribute": given.get("ProbabilityAttribute"),
        "probability_threshold_attribute": given.get("ProbabilityThresholdAttribute"),
    }
    found |= {name: str(value) for name, value in places.items() if value not in (None, "")}
    if definition.type is MODEL_QUALITY:
        found |= {"analysis_type": "MODEL_QUALITY", **_late(definition)}
        if definition.app.get("ProblemType"):
            found["problem_type"] = definition.app["ProblemType"]
        if data.labels:
            found["ground_truth_source"] = _LABELS
    return found


def _late(definition: Definition) -> dict[str, str]:
    window = definition.environment.get("late_label_window")
    return {"late_label_window": window} if window else {}


def _format(definition: Definition, data: Data) -> Json:
    if definition.batch_input is None or data.merged is not None:
        return _CAPTURE
    given = definition.batch_input["DatasetFormat"]
    if "Json" in given:
        return {"json": {"lines": bool(given["Json"].get("Line", True))}}
    if "Parquet" in given:
        return {"parquet": {}}
    return {"csv": {"header": bool(given.get("Csv", {}).get("Header", True))}}
