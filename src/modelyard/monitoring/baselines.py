"""The baseline of a definition that names the job which makes it, and not its files.

That is how the sagemaker SDK's bias and explainability monitors give theirs. Files that are named
go before the job's, as in the reference.
"""

from __future__ import annotations

from dataclasses import replace

from modelyard.monitoring.definition import Definition
from modelyard.monitoring.types import DATA_QUALITY, MonitorType
from modelyard.store.resources import Resource, Scope, Snapshot
from modelyard.store.s3_uris import S3Uri

_JOB = "processing-job"
_FILES = ("ConstraintsResource", "StatisticsResource")


def job_of(definition: Definition) -> str | None:
    """Return the name of the job whose files are the baseline; None: files are named, or none."""
    named = any((definition.baseline.get(name) or {}).get("S3Uri") for name in _FILES)
    return None if named else definition.baseline.get("BaseliningJobName")


def find_job(snapshot: Snapshot, scope: Scope, name: str) -> Resource:
    """Return a baseline's job.

    Raises:
        ValueError: there is none of that name.
    """
    job = snapshot.find(scope, _JOB, name)
    if job is None:
        raise ValueError(
            f"BaseliningJobName: Could not find the processing job {name!r}: make a baseline first"
        )
    return job


def with_files(snapshot: Snapshot, scope: Scope, definition: Definition) -> Definition:
    """Return a definition whose baseline is files.

    Raises:
        ValueError: the job that makes them is not there, or has not completed.
    """
    name = job_of(definition)
    if name is None:
        return definition
    job = find_job(snapshot, scope, name)
    if job.status != "Completed":
        raise ValueError(f"the baseline's job {name} is {job.status}: there is nothing to compare")
    [output, *_] = job.spec["ProcessingOutputConfig"]["Outputs"]
    folder = S3Uri.parse(output["S3Output"]["S3Uri"])
    files = {
        member: {"S3Uri": str(folder.child(file))}
        for member, file in _names(definition.type).items()
    }
    return replace(definition, baseline={**definition.baseline, **files})


def _names(type_: MonitorType) -> dict[str, str]:
    """Return what a baseline's job writes, by the member that names it."""
    if type_ is DATA_QUALITY:
        return dict(zip(_FILES, ("constraints.json", "statistics.json"), strict=True))
    return {_FILES[0]: "analysis.json" if type_.is_clarify else "constraints.json"}
