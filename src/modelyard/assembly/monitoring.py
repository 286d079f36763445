"""Monitoring: processing jobs that are made by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from modelyard.assembly.ground import Ground
from modelyard.compute.images import retrieve
from modelyard.hosting.endpoint_operations import KIND as ENDPOINT
from modelyard.identity.roles import require_role
from modelyard.monitoring.definition_operations import DefinitionDesk, operations_of
from modelyard.monitoring.execution import KIND
from modelyard.monitoring.execution_operations import ExecutionOperations
from modelyard.monitoring.rooms import Rooms
from modelyard.monitoring.schedule_operations import ScheduleOperations
from modelyard.monitoring.scheduler import Scheduler
from modelyard.monitoring.types import TYPES
from modelyard.monitoring.workflow import ExecutionWorkflow
from modelyard.operations.context import Context
from modelyard.processing import task as processing_task
from modelyard.processing.operations import ProcessingOperations
from modelyard.store.objects import Objects
from modelyard.store.origins import following
from modelyard.store.resources import Json, Resource, Scope, Snapshot
from modelyard.store.s3_uris import S3Uri

_CREATE = "CreateProcessingJob"
#: How long captured traffic takes to reach its bucket, beside the time that it gathers.
_MARGIN_SECONDS = 15.0


class ProcessingDesk:
    """Processing as monitoring asks for it: as at any door, on behalf of a schedule's maker.

    Stopping is not asked of the policies: what was begun for a schedule ends with it, also where
    its maker may not do anything any more.
    """

    def __init__(self, ground: Ground, processing: ProcessingOperations) -> None:
        self._ground = ground
        self._processing = processing

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        with self._ground.table.guarded(context, "sagemaker", _CREATE, request):
            self._ground.schema.validate("sagemaker", _CREATE, request)
            valid = self._ground.schema.convert("sagemaker", _CREATE, request)
            self._processing.create(context, valid, observed=observed)

    def stop(self, context: Context, name: str) -> None:
        self._processing.stop_processing_job(context, {"ProcessingJobName": name})

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        return self._processing.problems(context, request)


def capture_of(snapshot: Snapshot, scope: Scope, endpoint: str) -> S3Uri:
    """Return where an endpoint's traffic is captured.

    Raises:
        ValueError: there is no such endpoint, or it captures nothing.
    """
    row = snapshot.find(scope, ENDPOINT, endpoint)
    if row is None:
        raise ValueError(f"Could not find endpoint {endpoint!r}: it was deleted, or never made")
    plan = row.observed.get("live") or row.observed["plan"]
    capture = plan.get("capture") or {}
    if not capture.get("EnableCapture"):
        raise ValueError(
            f"The endpoint {endpoint!r} captures no data: update it with an endpoint configuration "
            "whose DataCaptureConfig has EnableCapture"
        )
    return S3Uri.parse(capture["DestinationS3Uri"]).child(endpoint)


def add_monitoring(ground: Ground, processing: ProcessingOperations) -> Scheduler:
    def objects_of(row: Resource) -> Objects:
        role = row.spec["definition"]["role"]
        keys = ground.keys.of_role(row.scope, role, "CreateProcessingJob")
        return ground.objects.of(row.scope.account).acting(keys)

    rooms = Rooms(
        store=ground.store,
        processing=ProcessingDesk(ground, processing),
        capture_of=capture_of,
        objects_of=objects_of,
        merger=lambda region: retrieve("model-monitor", "", region),
    )
    workflow = ExecutionWorkflow(rooms)
    ground.engine.register(KIND, following(ground.store, workflow.run))
    # What happens to a processing job may be what an execution waits for.
    ground.store.on_event(workflow.wake_all, kinds={KIND, processing_task.KIND.name})
    scheduler = Scheduler(
        ground.store,
        lambda transaction, arn: ground.engine.start(transaction, KIND, arn),
        lag=timedelta(seconds=2 * ground.settings.capture_flush_seconds + _MARGIN_SECONDS),
    )
    for type_ in TYPES.values():
        ground.table.add(operations_of(type_, DefinitionDesk(type_, rooms, require_role)))
    ground.table.add(
        ScheduleOperations(
            rooms,
            require_role=require_role,
            wake=scheduler.wake,
            wake_executions=workflow.wake_all,
        )
    )
    ground.table.add(ExecutionOperations(ground.store))
    return scheduler
