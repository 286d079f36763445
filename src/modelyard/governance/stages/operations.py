"""What can be asked of the stage table: its rows, of one group or of all."""

from __future__ import annotations

from typing import Any

from modelyard.governance.stages.rows import COLUMNS, KIND, NOT_AVAILABLE
from modelyard.operations.context import Context
from modelyard.operations.listing import listing_of
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.resources import Resource, Store

_NOTHING = {"Status": NOT_AVAILABLE, "By": "", "At": "", "Why": ""}


class StageOperations:
    """Reads the stage table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("modelyard", "ListModelStages", on=every("model-package"))
    def list_model_stages(self, context: Context, request: Request) -> Response:
        group = request.get("ModelPackageGroupName")
        wanted = {
            "StatusEquals": request.get("ModelApprovalStatus"),
            "SortBy": "LastModifiedTime",
            **{name: request[name] for name in ("MaxResults", "NextToken") if name in request},
        }
        with self._store.read() as snapshot:
            page = snapshot.list(
                scope_of(context),
                KIND,
                listing_of(wanted, name_prefix=None if group is None else f"{group}/"),
            )
        return {"ModelStages": [_described(row) for row in page.items], "NextToken": page.token}


def _described(row: Resource) -> dict[str, Any]:
    said = dict(row.observed)
    stages = said.pop("Stages")
    return {**said, **{column: stages.get(column, _NOTHING) for column in COLUMNS.values()}}
