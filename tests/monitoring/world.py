"""A small world for monitors: a real store, real objects, a clock that tests set.

Processing jobs are rows that end as a test says; what they would analyse lies in a bucket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from modelyard import clock
from modelyard.arns import sagemaker_arn
from modelyard.monitoring.definition_operations import DefinitionDesk, operations_of
from modelyard.monitoring.execution_operations import ExecutionOperations
from modelyard.monitoring.rooms import Rooms
from modelyard.monitoring.schedule_operations import ScheduleOperations
from modelyard.monitoring.scheduler import Scheduler
from modelyard.monitoring.steps import Steps
from modelyard.monitoring.types import TYPES
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import ResourceInUse, ValidationError
from modelyard.operations.requests import scope_of
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response
from modelyard.store.database import Database
from modelyard.store.errors import AlreadyExists
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Store
from modelyard.store.s3_uris import S3Uri
from tests.policies import AllowAll

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"
SCHEMA = Schema()
SCOPE = Scope(account=ACCOUNT, region=REGION)
HOURLY = "cron(0 * ? * * *)"


class Processing:
    """Processing jobs that are rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.requests: list[Mapping[str, Any]] = []
        self.refuse: Exception | None = None
        self.found: list[str] = []

    def create(self, context: Context, request: Mapping[str, Any], observed: Json) -> None:
        SCHEMA.validate("sagemaker", "CreateProcessingJob", request)
        if self.refuse is not None:
            raise self.refuse
        name = request["ProcessingJobName"]
        with self._store.write() as transaction:
            try:
                transaction.create(
                    scope_of(context),
                    "processing-job",
                    name,
                    arn=_arn(name),
                    spec=request,
                    status="InProgress",
                    observed=observed,
                )
            except AlreadyExists as error:
                raise ResourceInUse(name) from error
        self.requests.append(request)

    def stop(self, context: Context, name: str) -> None:
        job = self.job(name)
        if job.status != "InProgress":
            raise ValidationError(f"{name} is {job.status}")
        with self._store.write() as transaction:
            transaction.update(job, status="Stopping")

    def problems(self, context: Context, request: Mapping[str, Any]) -> list[str]:
        SCHEMA.validate("sagemaker", "CreateProcessingJob", request)
        return self.found

    def job(self, name: str) -> Resource:
        with self._store.read() as snapshot:
            return snapshot.get_by_arn(_arn(name))

    def end(self, status: str = "Completed", message: str = "", reason: str = "") -> None:
        """End the job that was created last."""
        job = self.job(self.requests[-1]["ProcessingJobName"])
        observed = {"exit_message": message, "failure_reason": reason}
        with self._store.write() as transaction:
            transaction.update(job, status=status, observed=observed)


class World:
    """One server's rooms, as far as monitoring needs them, and one endpoint, `census`."""

    def __init__(self, home: Path) -> None:
        self.database = Database(f"sqlite:///{home}/modelyard.db")
        self.store = Store(self.database)
        self.objects = ObjectStores(home / "objects").of(ACCOUNT)
        self.objects.create_bucket(BUCKET)
        self.processing = Processing(self.store)
        self.endpoints = {"census"}
        #: The beginning of an hour to come, since rows are stamped with the real time.
        self.time = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.begun: list[str] = []
        self.merger = "analyzer"  # the image that merges labels
        self.rooms = Rooms(
            store=self.store,
            processing=self.processing,
            capture_of=self._capture_of,
            objects_of=lambda _row: self.objects,
            merger=lambda _region: self.merger,
            now=lambda: self.time,
        )
        self.steps = Steps(self.rooms)
        self.table = OperationTable(SCHEMA, AllowAll())
        for type_ in TYPES.values():
            desk = DefinitionDesk(type_, self.rooms, lambda *_: None)
            self.table.add(operations_of(type_, desk))
        self.table.add(
            ScheduleOperations(
                self.rooms,
                require_role=lambda *_: None,
                wake=lambda: None,
                wake_executions=lambda: None,
            )
        )
        self.table.add(ExecutionOperations(self.store))
        self.context = Context(
            account=ACCOUNT,
            region=REGION,
            principal=Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", user_id="x"),
            request_id="r",
            source="in-process",
        )

    def _capture_of(self, snapshot: Snapshot, scope: Scope, endpoint: str) -> S3Uri:
        if endpoint not in self.endpoints:
            raise ValueError(f"Could not find endpoint {endpoint!r}")
        return S3Uri(BUCKET, f"captured/{endpoint}")

    def scheduler(self, lag: timedelta = timedelta()) -> Scheduler:
        """Return a server's look at the clock; several are several servers."""
        return Scheduler(
            self.store,
            lambda _, arn: self.begun.append(arn),
            lag=lag,
            now=lambda: self.time,
        )

    def tick(self, hours: float = 0) -> int:
        """Let time pass and look at the clock; return how many executions begin."""
        self.time += timedelta(hours=hours)
        return self.scheduler().tick()

    def call(self, operation: str, **members: Any) -> Response:
        return self.table.call(self.context, "sagemaker", operation, members)

    def define(self, type_: str = "DataQuality", name: str = "definition", **members: Any) -> None:
        request = definition(type_, name, **members)
        self.call(f"Create{type_}JobDefinition", **request)

    def schedule(
        self,
        name: str = "hourly",
        expression: str = HOURLY,
        type_: str = "DataQuality",
        **members: Any,
    ) -> None:
        self.call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName=name,
            MonitoringScheduleConfig={
                "ScheduleConfig": {"ScheduleExpression": expression},
                "MonitoringJobDefinitionName": "definition",
                "MonitoringType": type_,
            },
            **members,
        )

    def capture(self, hour: datetime, name: str = "a.jsonl", variant: str = "AllTraffic") -> str:
        """Put something where an endpoint's traffic of an hour is; return its key."""
        key = f"captured/census/{variant}/{hour:%Y/%m/%d/%H}/{name}"
        self.objects.put_bytes(S3Uri(BUCKET, key), b"{}\n")
        return key

    def label(self, hour: datetime) -> str:
        key = f"labels/{hour:%Y/%m/%d/%H}/a.jsonl"
        self.objects.put_bytes(S3Uri(BUCKET, key), b"{}\n")
        return key

    def report(self, *violations: Mapping[str, str]) -> None:
        """Write the violations of the job that was created last."""
        [output] = self.processing.requests[-1]["ProcessingOutputConfig"]["Outputs"]
        place = S3Uri.parse(output["S3Output"]["S3Uri"]).child("constraint_violations.json")
        self.objects.put_bytes(place, json.dumps({"violations": violations}).encode())

    def look(self) -> bool:
        """Look once at the execution that was begun last."""
        return self.steps.look(self.begun[-1])

    def carry_out(self, *violations: Mapping[str, str]) -> Response:
        """Bring the execution that was begun last to its end."""
        self.look()
        self.report(*violations)
        self.processing.end(
            message="CompletedWithViolations: it is so" if violations else "Completed: fine"
        )
        assert self.look()
        return self.executions()[0]

    def executions(self, **members: Any) -> list[Response]:
        members = {"MonitoringScheduleName": "hourly", "SortBy": "ScheduledTime", **members}
        answer = self.call("ListMonitoringExecutions", MaxResults=100, **members)
        return list(answer["MonitoringExecutionSummaries"])

    def manifest(self, number: int = 0) -> list[str]:
        """Return the keys that an input of the job that was created last lists."""
        given = self.processing.requests[-1]["ProcessingInputs"][number]["S3Input"]
        assert given["S3DataType"] == "ManifestFile"
        first, *rest = json.loads(self.objects.get(S3Uri.parse(given["S3Uri"])))
        start = first["prefix"].removeprefix(f"s3://{BUCKET}/")
        return [start + key for key in rest]


def definition(type_: str = "DataQuality", name: str = "definition", **members: Any) -> Json:
    """Return a Create…JobDefinition request; `members` are set in its parts, or beside them."""
    app: dict[str, Any] = {"ImageUri": "analyzer"}
    given: dict[str, Any] = {
        "EndpointInput": {"EndpointName": "census", "LocalPath": "/opt/ml/processing/input/data"}
    }
    if type_ == "ModelQuality":
        app["ProblemType"] = "BinaryClassification"
        given["EndpointInput"]["ProbabilityAttribute"] = "0"
    if type_ in ("ModelQuality", "ModelBias"):
        given["GroundTruthS3Input"] = {"S3Uri": f"s3://{BUCKET}/labels"}
    if type_ in ("ModelBias", "ModelExplainability"):
        app["ConfigUri"] = f"s3://{BUCKET}/monitor/analysis_config.json"
    given["EndpointInput"].update(members.pop("endpoint", {}))
    output = {"S3Uri": f"s3://{BUCKET}/reports", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    constraints = {"S3Uri": f"s3://{BUCKET}/baseline/constraints.json"}
    whole = {
        "JobDefinitionName": name,
        f"{type_}BaselineConfig": {"ConstraintsResource": constraints},
        f"{type_}AppSpecification": {**app, **members.pop("app", {})},
        f"{type_}JobInput": members.pop("given", given),
        f"{type_}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        "JobResources": {"ClusterConfig": cluster},
        "RoleArn": ROLE,
    }
    return {**whole, **members}


def now_config(**members: str) -> dict[str, Any]:
    """Return a MonitoringScheduleConfig that runs at once."""
    return {
        "ScheduleConfig": {
            "ScheduleExpression": "NOW",
            "DataAnalysisStartTime": "-PT1H",
            "DataAnalysisEndTime": "-PT0H",
            **members,
        },
        "MonitoringJobDefinitionName": "definition",
        "MonitoringType": "DataQuality",
    }


def environment(request: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = request["Environment"]
    return found


def _arn(name: str) -> str:
    return sagemaker_arn(account=ACCOUNT, region=REGION, kind="processing-job", name=name)
