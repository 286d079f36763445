"""A small world for model cards: a real store, objects, table and printer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from modelyard.governance.cards.drafting.operations import DraftOperations
from modelyard.governance.cards.export_operations import WORKFLOW, ModelCardExportOperations
from modelyard.governance.cards.export_workflow import ExportWorkflow
from modelyard.governance.cards.operations import ModelCardOperations
from modelyard.governance.cards.paper.document import render
from modelyard.governance.cards.sealed_content import SealedContents
from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.objects import Objects, ObjectStores, S3Uri
from modelyard.store.resources import Scope, Store, Transaction
from tests.policies import Denying

ACCOUNT, REGION = "123456789012", "us-east-1"
SCOPE = Scope(account=ACCOUNT, region=REGION)
CARD_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-card/card"
SCHEMA = Schema()

CONTENT: dict[str, Any] = {
    "model_overview": {"model_name": "churn", "model_description": "Who will leave?"},
    "intended_uses": {"purpose_of_model": "Keep customers.", "risk_rating": "Low"},
}


def caller(name: str = "ada", *, account: str = ACCOUNT) -> Context:
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Context(
        account=account,
        region=REGION,
        principal=Principal(account=account, arn=arn, user_id=name),
        request_id="r-1",
        source="test",
    )


class KeptWorkflows:
    """Stands where the engine does and keeps what was started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []

    def start(self, _transaction: Transaction, workflow: str, argument: str) -> None:
        self.started.append((workflow, argument))


class World:
    """All of it.

    Args:
        at_once: whether an export is carried out as soon as it is asked for.
    """

    def __init__(self, folder: Path, *, at_once: bool = False) -> None:
        self.database = Database(f"sqlite:///{folder}/m.db")
        tables.metadata.create_all(self.database.engine)
        self.store = Store(self.database)
        self.objects = ObjectStores(folder / "objects")
        self.objects.of(ACCOUNT).create_bucket("assets")
        self.policy = Denying()
        self.table = OperationTable(SCHEMA, self.policy)
        self.workflows = KeptWorkflows()
        contents = SealedContents(self.table)
        self.table.add(ModelCardOperations(self.store, contents))
        self.table.add(
            ModelCardExportOperations(self.store, self.objects, self.table, self.workflows)
        )
        self.drafter = DraftOperations(self.table, self.objects_of)
        self.table.add(self.drafter)
        self.workflow = ExportWorkflow(self.store, self.objects_of, contents, render)
        if at_once:
            self.store.on_event(self.run_exports)

    def objects_of(self, context: Context) -> Objects:
        return self.objects.of(context.account)

    def call(self, operation: str, /, by: Context | None = None, **request: Any) -> dict[str, Any]:
        service = "modelyard" if operation == "DraftModelCard" else "sagemaker"
        return self.table.call(by or caller(), service, operation, request)

    def create(self, name: str = "card", content: Any = CONTENT, **request: Any) -> str:
        arguments = {"ModelCardName": name, "Content": json.dumps(content), **request}
        arguments.setdefault("ModelCardStatus", "Draft")
        return str(self.call("CreateModelCard", **arguments)["ModelCardArn"])

    def update(self, content: Any, name: str = "card", by: Context | None = None) -> None:
        self.call("UpdateModelCard", by=by, ModelCardName=name, Content=json.dumps(content))

    def set_status(self, status: str, name: str = "card", by: Context | None = None) -> None:
        self.call("UpdateModelCard", by=by, ModelCardName=name, ModelCardStatus=status)

    def describe(self, name: str = "card", **request: Any) -> dict[str, Any]:
        return self.call("DescribeModelCard", ModelCardName=name, **request)

    def export(self, job: str = "job", name: str = "card", **request: Any) -> str:
        answer = self.call(
            "CreateModelCardExportJob",
            ModelCardName=name,
            ModelCardExportJobName=job,
            OutputConfig={"S3OutputPath": "s3://assets/exports"},
            **request,
        )
        return str(answer["ModelCardExportJobArn"])

    def run_exports(self) -> None:
        """Carry out what was started."""
        started, self.workflows.started = self.workflows.started, []
        for workflow, arn in started:
            assert workflow == WORKFLOW
            asyncio.run(self.workflow.run(arn))

    def uri(self, key: str) -> S3Uri:
        return S3Uri("assets", key)

    def put(self, key: str, data: object) -> str:
        uri = self.uri(key)
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.objects.of(ACCOUNT).put_bytes(uri, body)
        return str(uri)

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return kind, status and detail of all that was announced of cards."""
        with self.store.read() as snapshot:
            rows = snapshot.connection.execute(tables.events.select().order_by(tables.events.c.id))
            return [(row.kind, row.status, row.detail) for row in rows if row.kind == "model-card"]
