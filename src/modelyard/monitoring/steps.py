"""One look at an execution: what its rows say, and the one thing that is to be done next.

Each look is complete in itself, and remembers nothing: one that takes over from a server that was
killed need not know how far that one had come.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import structlog

from modelyard.monitoring import (
    alerts,
    baselines,
    captured,
    execution_rows,
    job_requests,
    violations,
)
from modelyard.monitoring.durations import parse_duration
from modelyard.monitoring.execution import ENDED, KIND, Execution
from modelyard.monitoring.job_requests import ANALYSIS, MERGE, Data
from modelyard.monitoring.rooms import Rooms
from modelyard.monitoring.timing import Window
from modelyard.monitoring.types import MODEL_BIAS
from modelyard.operations.errors import OperationError, ResourceInUse
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.errors import KeyUnusable, StaleRevision
from modelyard.store.objects import Objects
from modelyard.store.resources import Resource
from modelyard.store.s3_uris import S3Uri

_JOB = "processing-job"
_LATE_LABELS = timedelta(days=1)  # as the analyzer takes it where nothing is said
_MAX_REASON_CHARACTERS = 1024

log = structlog.get_logger(__name__)


class NothingToAnalyse(Exception):
    """The execution cannot begin; the message is what its owner reads."""


class Steps:
    """The looks at one execution after the other. All methods block; safe from any thread."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._store = rooms.store

    def look(self, arn: str) -> bool:
        """Do what is to be done now; return whether the execution has ended."""
        with self._store.read() as snapshot:
            row = snapshot.find_by_arn(arn)
        if row is None or row.status in ENDED:
            return True
        execution = Execution.of(row)
        try:
            return self._advance(row, execution)
        except NothingToAnalyse as error:
            return self._finish(row, execution, "Failed", str(error))
        except StaleRevision:
            return False

    def fail(self, arn: str, reason: str) -> None:
        """End an execution that cannot go on."""
        with self._store.read() as snapshot:
            row = snapshot.find_by_arn(arn)
        if row is not None and row.status not in ENDED:
            self._finish(row, Execution.of(row), "Failed", reason)

    def _advance(self, row: Resource, execution: Execution) -> bool:
        kind = self._kind_of_job(row, execution)
        job = self._job(row, execution, kind)
        if row.status == "Stopping":
            return self._wind_up(row, execution, job)
        if job is None:
            self._create(row, execution, kind)
            return False
        if job.status in ("InProgress", "Stopping"):
            if row.observed.get("ProcessingJobArn") != job.arn:
                self._note(row, status="InProgress", ProcessingJobArn=job.arn)
            return False
        if job.status == "Stopped":
            return self._finish(row, execution, "Stopped", "the processing job was stopped")
        if job.status == "Failed":
            return self._finish(row, execution, "Failed", _why(job))
        if kind == MERGE:
            self._note(row, merged=True)
            return False
        return self._complete(row, execution, job)

    def _kind_of_job(self, row: Resource, execution: Execution) -> str:
        """Return which job is the next: bias needs labels that were merged ahead of it."""
        merges = execution.definition.type is MODEL_BIAS
        return MERGE if merges and not row.observed.get("merged") else ANALYSIS

    def _job(self, row: Resource, execution: Execution, kind: str) -> Resource | None:
        name = execution.job_name(kind)
        with self._store.read() as snapshot:
            job = snapshot.find(row.scope, _JOB, name)
        if job is None and name in row.observed.get("jobs", []):
            raise NothingToAnalyse(f"the processing job {name} was deleted")
        return job

    def _create(self, row: Resource, execution: Execution, kind: str) -> None:
        objects = self._rooms.objects_of(row)
        execution = self._with_baseline(row, execution)
        try:
            if kind == MERGE:
                data = self._with_labels(row, execution, objects)
                request = job_requests.merge(execution, data, self._rooms.merger(row.scope.region))
            else:
                request = job_requests.analysis(execution, self._data(row, execution, objects))
        except KeyUnusable as error:
            raise NothingToAnalyse(str(error)) from error
        request["Tags"] = self._tags_of(execution)
        observed = {
            "MonitoringScheduleArn": execution.schedule_arn,
            "MonitoringExecutionArn": execution.arn,
        }
        try:
            self._rooms.processing.create(execution.context(row), request, observed)
        except ResourceInUse:
            log.info("an execution's job is there already", execution=row.arn)
        except OperationError as error:
            raise NothingToAnalyse(
                f"the processing job cannot be created: {error.message}"
            ) from error
        name = request["ProcessingJobName"]
        jobs = sorted({*row.observed.get("jobs", []), name})
        job = self._job(row, execution, kind)
        arn = None if job is None else job.arn
        self._note(row, status="InProgress", jobs=jobs, ProcessingJobArn=arn)

    def _tags_of(self, execution: Execution) -> list[dict[str, str]]:
        """Return the schedule's tags, so that its jobs, and what they cost, are found by them."""
        with self._store.read() as snapshot:
            schedule = snapshot.find_by_arn(execution.schedule_arn)
            tags = {} if schedule is None else snapshot.tags(schedule)
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    def _with_baseline(self, row: Resource, execution: Execution) -> Execution:
        with self._store.read() as snapshot:
            try:
                found = baselines.with_files(snapshot, row.scope, execution.definition)
            except ValueError as error:
                raise NothingToAnalyse(str(error)) from error
        return replace(execution, definition=found)

    def _data(self, row: Resource, execution: Execution, objects: Objects) -> Data:
        definition = execution.definition
        if row.observed.get("merged"):
            return Data(merged=execution.merged.child("merged.jsonl"))
        if definition.ground_truth is not None:
            return self._with_labels(row, execution, objects)
        prefix = self._capture_prefix(row, execution)
        found = self._captured(objects, execution, prefix, execution.window)
        return self._written(objects, execution, prefix, found, [])

    def _with_labels(self, row: Resource, execution: Execution, objects: Objects) -> Data:
        """Return what reaches back as far as labels may come late, with the labels."""
        window = replace(execution.window, start=execution.window.start - _late(execution))
        prefix = self._capture_prefix(row, execution)
        found = self._captured(objects, execution, prefix, window)
        place = S3Uri.parse(execution.definition.ground_truth or "")
        labels = captured.of_hours(objects, place, window.hours())
        if not labels:
            raise NothingToAnalyse(
                f"no ground truth {window}: upload it below {place}, by the hour"
            )
        return self._written(objects, execution, prefix, found, labels)

    def _capture_prefix(self, row: Resource, execution: Execution) -> S3Uri:
        definition = execution.definition
        if definition.batch_input is not None:
            return S3Uri.parse(definition.batch_input["DataCapturedDestinationS3Uri"])
        with self._store.read() as snapshot:
            try:
                return self._rooms.capture_of(snapshot, row.scope, definition.endpoint or "")
            except ValueError as error:
                raise NothingToAnalyse(str(error)) from error

    def _captured(
        self, objects: Objects, execution: Execution, prefix: S3Uri, window: Window
    ) -> list[S3Uri]:
        definition, hours = execution.definition, list(window.hours())
        if definition.batch_input is None:
            found = captured.of_endpoint(objects, prefix, hours)
        else:
            # Labels are matched with what was answered, which bears the ids.
            side: Literal["input", "output"] = "output" if definition.ground_truth else "input"
            found = captured.of_batch(objects, prefix, side, hours)
        if not found:
            raise NothingToAnalyse(f"no captured data {window} below {prefix}")
        return found

    def _written(
        self,
        objects: Objects,
        execution: Execution,
        prefix: S3Uri,
        found: list[S3Uri],
        labels: list[S3Uri],
    ) -> Data:
        key = execution.definition.key
        encryption = Encryption(mode="aws:kms", key=key) if key else None
        folder = execution.report.child("inputs")
        return Data(
            captured=captured.write_manifests(objects, folder, "captured", found, encryption),
            labels=captured.write_manifests(objects, folder, "labels", labels, encryption),
            capture_prefix=str(prefix),
        )

    def _wind_up(self, row: Resource, execution: Execution, job: Resource | None) -> bool:
        if job is None or job.status not in ("InProgress", "Stopping"):
            return self._finish(row, execution, "Stopped", None)
        if job.status == "InProgress":
            try:
                self._rooms.processing.stop(execution.context(row), job.name)
            except OperationError as error:  # it has just ended
                log.info("an execution's job is not stopped", job=job.arn, why=error.message)
        return False

    def _complete(self, row: Resource, execution: Execution, job: Resource) -> bool:
        said = str(job.observed.get("exit_message") or "")
        found = violations.read(self._rooms.objects_of(row), execution.report)
        violated = said.startswith("CompletedWithViolations") or bool(found)
        kept = violations.kept(found, row.spec["start"], self._violated_before(row))
        return self._finish(
            row,
            execution,
            "CompletedWithViolations" if violated else "Completed",
            None,
            ExitMessage=said,
            Violations=kept,
            ViolationCount=len(found),
        )

    def _violated_before(self, row: Resource) -> list[Any]:
        """Return what the execution of the slot before found, if it looked at data."""
        prefix = f"{row.spec['MonitoringScheduleName']}/"
        with self._store.read() as snapshot:
            for former in execution_rows.named(snapshot, row.scope, prefix):
                if former.name < row.name and "Violations" in former.observed:
                    return list(former.observed["Violations"])
        return []

    def _note(self, row: Resource, *, status: str | None = None, **observed: Any) -> None:
        with self._store.write() as transaction:
            transaction.update(row, status=status, observed=observed)

    def _finish(
        self, row: Resource, execution: Execution, status: str, reason: str | None, **observed: Any
    ) -> bool:
        facts = {
            "ReportS3Uri": str(execution.report),
            "failure_reason": reason and reason[:_MAX_REASON_CHARACTERS],
            **observed,
        }
        with self._store.write() as transaction:
            transaction.update(row, status=status, observed=facts)
            schedule = transaction.find_by_arn(execution.schedule_arn)
            if schedule is not None:
                alerts.evaluate(transaction, schedule)
        log.info("an execution has ended", kind=KIND, execution=row.arn, status=status)
        return True


def _late(execution: Execution) -> timedelta:
    given = execution.definition.environment.get("late_label_window")
    return _LATE_LABELS if given is None else parse_duration(given)


def _why(job: Resource) -> str:
    """Return why a job failed: what its program said of it, else what the platform did."""
    said = str(job.observed.get("exit_message") or "").strip()
    reason = str(job.observed.get("failure_reason") or "the processing job failed")
    return said.removeprefix("Error: ") if said else reason
