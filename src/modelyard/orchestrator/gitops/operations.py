"""What can be asked of configurations: which came in, and what became of each."""

from __future__ import annotations

from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every, named
from modelyard.orchestrator.delivery import pipeline as pipelines
from modelyard.orchestrator.gitops.configurations import KIND
from modelyard.orchestrator.gitops.execution import described
from modelyard.store.resources import Resource, Snapshot, Store


class ConfigurationOperations:
    """Lists configurations, and describes one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("modelyard", "ListConfigurations", on=every(KIND, service="modelyard"))
    def list_configurations(self, context: Context, request: Request) -> Response:
        wanted = {name: request[name] for name in ("MaxResults", "NextToken") if name in request}
        commit = request.get("CommitId")
        if commit is not None:
            wanted["NameContains"] = commit
        with self._store.read() as snapshot:
            page = snapshot.list(scope_of(context), KIND, listing_of(wanted))
            found = [_described(snapshot, row) for row in page.items]
        return {"Configurations": found, "NextToken": page.token}

    @operation(
        "modelyard",
        "DescribeConfiguration",
        on=named(KIND, "ConfigurationId", service="modelyard"),
    )
    def describe_configuration(self, context: Context, request: Request) -> Response:
        name = request["ConfigurationId"]
        with self._store.read() as snapshot:
            row = snapshot.find(scope_of(context), KIND, name)
            if row is None:
                raise ResourceNotFound(
                    f"there is no configuration {name!r}: see ListConfigurations"
                )
            return _described(snapshot, row)


def _described(snapshot: Snapshot, row: Resource) -> dict[str, Any]:
    """Return a configuration with how far its pipelines are by now."""
    said = described(row)
    for entry in said["Entries"]:
        stack = snapshot.find_by_arn(entry["PipelineId"]) if entry["PipelineId"] else None
        name = None if stack is None else pipelines.pipeline_in(stack.observed)
        found = None if name is None else snapshot.find(row.scope, pipelines.KIND, name)
        entry["PipelineStatus"] = "" if found is None else found.status
    return said
