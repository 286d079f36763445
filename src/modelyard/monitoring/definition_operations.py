"""What can be asked of job definitions; written once for the four types of monitor."""

from __future__ import annotations

from collections.abc import Callable

from modelyard.arns import sagemaker_arn
from modelyard.monitoring import baselines, schedule_rows
from modelyard.monitoring.checks import definition_problems
from modelyard.monitoring.definition import Definition
from modelyard.monitoring.paging import page_of, within
from modelyard.monitoring.rooms import Rooms
from modelyard.monitoring.types import MonitorType
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceInUse, ResourceNotFound, ValidationError
from modelyard.operations.requests import scope_of, spec_of, tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.store.errors import AlreadyExists
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot

#: Raises ValidationError where an account has no such role.
RequireRole = Callable[[Snapshot, str, str], object]

_PAGE = 200


class DefinitionDesk:
    """The job definitions of one type."""

    def __init__(self, type_: MonitorType, rooms: Rooms, require_role: RequireRole) -> None:
        self._type = type_
        self._rooms = rooms
        self._store = rooms.store
        self._require_role = require_role

    def create(self, context: Context, request: Request) -> Response:
        name, scope = request["JobDefinitionName"], scope_of(context)
        definition = Definition.of_request(self._type, request)
        problems = definition_problems(
            definition, lambda job: self._rooms.processing.problems(context, job)
        )
        if problems:
            raise ValidationError.of(problems)
        arn = sagemaker_arn(
            account=context.account, region=context.region, kind=self._type.kind, name=name
        )
        with self._store.write() as transaction:
            self._require_role(transaction, context.account, definition.role)
            require_capture(self._rooms, transaction, context, definition)
            require_baseline(transaction, context, definition)
            try:
                transaction.create(
                    scope,
                    self._type.kind,
                    name,
                    arn=arn,
                    spec=spec_of(request),
                    status="Created",
                    tags=tags_of(request),
                )
            except AlreadyExists as error:
                raise ResourceInUse(f"Job definition {arn} already exists") from error
        return {"JobDefinitionArn": arn}

    def describe(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            row = self._find(snapshot, context, request)
        return {**row.spec, "JobDefinitionArn": row.arn, "CreationTime": row.created_at}

    def listed(self, context: Context, request: Request) -> Response:
        rows = [row for row in self._all(context) if self._fits(row, request)]
        by_name = request.get("SortBy") == "Name"

        def key(row: Resource) -> tuple[int | str, str]:
            return (row.name if by_name else row.id), row.name

        page, token = page_of(rows, request, key)
        answer: Response = {"JobDefinitionSummaries": [self._summary(row) for row in page]}
        if token is not None:
            answer["NextToken"] = token
        return answer

    def delete(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            row = self._find(transaction, context, request)
            for schedule in schedule_rows.all_of(transaction, row.scope):
                config = schedule_rows.config_of(schedule)
                named = config.get("MonitoringJobDefinitionName") == row.name
                if named and schedule_rows.type_name(config) == self._type.name:
                    raise ValidationError(
                        f"Job definition {row.name} is used by the monitoring schedule "
                        f"{schedule.name}: delete that first"
                    )
            transaction.delete(row)
        return {}

    def _all(self, context: Context) -> list[Resource]:
        found: list[Resource] = []
        token: str | None = None
        with self._store.read() as snapshot:
            while True:
                page = snapshot.list(
                    scope_of(context), self._type.kind, Listing(limit=_PAGE, token=token)
                )
                found += page.items
                token = page.token
                if token is None:
                    return found

    def _fits(self, row: Resource, request: Request) -> bool:
        endpoint = Definition.of_request(self._type, row.spec).endpoint
        return (
            request.get("EndpointName") in (None, endpoint)
            and request.get("NameContains", "") in row.name
            and within(row.created_at, request, "CreationTime")
        )

    def _summary(self, row: Resource) -> Response:
        return {
            "MonitoringJobDefinitionName": row.name,
            "MonitoringJobDefinitionArn": row.arn,
            "CreationTime": row.created_at,
            # The API's model requires it, also of one that watches batch jobs.
            "EndpointName": Definition.of_request(self._type, row.spec).endpoint or "",
        }

    def _find(self, snapshot: Snapshot, context: Context, request: Request) -> Resource:
        name = request["JobDefinitionName"]
        row = snapshot.find(scope_of(context), self._type.kind, name)
        if row is None:
            raise ResourceNotFound(f"Could not find {self._type.name} job definition {name}")
        return row


def require_capture(
    rooms: Rooms, snapshot: Snapshot, context: Context, definition: Definition
) -> None:
    """Look at whether the endpoint that a definition watches is there, and captures.

    Raises:
        ValidationError: see above.
    """
    if definition.endpoint is None:
        return
    try:
        rooms.capture_of(snapshot, scope_of(context), definition.endpoint)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def require_baseline(snapshot: Snapshot, context: Context, definition: Definition) -> None:
    """Look at whether the job that a definition's baseline is of is there; it may still run.

    Raises:
        ValidationError: it is not.
    """
    name = baselines.job_of(definition)
    if name is None:
        return
    try:
        baselines.find_job(snapshot, scope_of(context), name)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def operations_of(type_: MonitorType, desk: DefinitionDesk) -> object:
    """Return the four operations of a type, for the table."""
    on = named(type_.kind, "JobDefinitionName")

    class DefinitionOperations:
        """Create, describe, list and delete the job definitions of one type."""

        @operation("sagemaker", f"Create{type_.name}JobDefinition", on=on)
        def create_definition(self, context: Context, request: Request) -> Response:
            return desk.create(context, request)

        @operation("sagemaker", f"Describe{type_.name}JobDefinition", on=on)
        def describe_definition(self, context: Context, request: Request) -> Response:
            return desk.describe(context, request)

        @operation("sagemaker", f"List{type_.name}JobDefinitions", on=every(type_.kind))
        def list_definitions(self, context: Context, request: Request) -> Response:
            return desk.listed(context, request)

        @operation("sagemaker", f"Delete{type_.name}JobDefinition", on=on)
        def delete_definition(self, context: Context, request: Request) -> Response:
            return desk.delete(context, request)

    return DefinitionOperations()
