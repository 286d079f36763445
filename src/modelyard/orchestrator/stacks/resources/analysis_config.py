"""`Modelyard::Clarify::AnalysisConfig`: an analysis_config.json in a bucket, and the row about it.

The file is written ahead of the row, so a row means a file; a run that was killed between them
writes the same file again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.orchestrator.stacks.resources._base import ResourceType, own_tags
from modelyard.orchestrator.tags import retag
from modelyard.store.resources import Json, Scope, Store
from modelyard.store.s3_uris import S3Uri

KIND = "analysis-config"

#: Writes a file of a caller's, under a key or, where that is empty, as its bucket says.
WriteFile = Callable[[Context, S3Uri, bytes, str], None]


class AnalysisConfig(ResourceType):
    type = "Modelyard::Clarify::AnalysisConfig"
    name_property = "AnalysisConfigName"
    properties = ("S3Uri", "Content", "KmsKeyArn", "Tags")
    updatable = ("Tags",)

    def __init__(self, store: Store, write: WriteFile) -> None:
        self._store = store
        self._write = write

    def reference(self, scope: Scope, name: str) -> str:
        return _arn(scope, name)

    def attribute(self, scope: Scope, name: str, attribute: str) -> str:
        raise KeyError(attribute)

    def problems(self, context: Context, name: str, properties: Json) -> list[str]:
        try:
            S3Uri.parse(properties.get("S3Uri", ""))
        except ValueError as error:
            return [f"S3Uri: {error}"]
        return [] if properties.get("Content") else ["Content is missing"]

    def find(self, context: Context, name: str) -> Json | None:
        with self._store.read() as snapshot:
            row = snapshot.find(scope_of(context), KIND, name)
            return None if row is None else {"tags": snapshot.tags(row)}

    def tags(self, context: Context, description: Json) -> Mapping[str, str]:
        tags: Mapping[str, str] = description["tags"]
        return tags

    def create(
        self, context: Context, name: str, properties: Json, tags: Mapping[str, str]
    ) -> None:
        uri = S3Uri.parse(properties["S3Uri"])
        self._write(context, uri, properties["Content"].encode(), properties.get("KmsKeyArn", ""))
        with self._store.write() as transaction:
            transaction.create(
                scope_of(context),
                KIND,
                name,
                arn=_arn(scope_of(context), name),
                spec=properties,
                status="Available",
                tags={**own_tags(properties), **tags},
            )

    def update(self, context: Context, name: str, before: Json, after: Json) -> None:
        with self._store.write() as transaction:
            row = transaction.get(scope_of(context), KIND, name)
            retag(transaction, row, own_tags(before), own_tags(after))

    def delete(self, context: Context, name: str, description: Json) -> None:
        """Forget it; the file stays, beside the baseline's, which reads it."""
        with self._store.write() as transaction:
            transaction.delete(transaction.get(scope_of(context), KIND, name))


def _arn(scope: Scope, name: str) -> str:
    arn = Arn(
        service="modelyard",
        region=scope.region,
        account=scope.account,
        resource=f"{KIND}/{name}",
    )
    return str(arn)
