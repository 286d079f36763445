"""`Modelyard::Inference::Api`: a pipeline's own URL, `POST {base_url}/{api id}/prod/inference`.

The API's id is its name, and all that its URL says; so its ARN has no region, and the door finds
it by the id alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.orchestrator.names import random_id
from modelyard.orchestrator.stacks.resources._base import ResourceType, own_tags
from modelyard.orchestrator.tags import retag
from modelyard.store.errors import NotFound
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Store

KIND = "inference-api"
STAGE = "prod"
_ID_LENGTH = 10


class InferenceApi(ResourceType):
    """Args:
    base_url: returns the server's own URL, without a slash at its end; its port may be another
        after each start.
    """

    type = "Modelyard::Inference::Api"
    name_property = "ApiId"
    updatable = ("EndpointName", "Name", "Tags")
    attributes = ("Url",)
    properties = ("EndpointName", "Name", "Tags")

    def __init__(self, store: Store, base_url: Callable[[], str]) -> None:
        self._store = store
        self._base_url = base_url

    def new_name(self, stack: str, logical_id: str, properties: Json) -> str:
        return random_id(_ID_LENGTH)

    def reference(self, scope: Scope, name: str) -> str:
        return name

    def attribute(self, scope: Scope, name: str, attribute: str) -> str:
        return f"{self._base_url()}/{name}/{STAGE}/"

    def problems(self, context: Context, name: str, properties: Json) -> list[str]:
        return [] if properties.get("EndpointName") else ["EndpointName is missing"]

    def find(self, context: Context, name: str) -> Json | None:
        with self._store.read() as snapshot:
            api = snapshot.find(scope_of(context), KIND, name)
            return None if api is None else {"tags": snapshot.tags(api)}

    def tags(self, context: Context, description: Json) -> Mapping[str, str]:
        tags: Mapping[str, str] = description["tags"]
        return tags

    def create(
        self, context: Context, name: str, properties: Json, tags: Mapping[str, str]
    ) -> None:
        with self._store.write() as transaction:
            transaction.create(
                scope_of(context),
                KIND,
                name,
                arn=api_arn(account=context.account, api_id=name),
                spec=properties,
                status="Available",
                tags={**own_tags(properties), **tags},
            )

    def update(self, context: Context, name: str, before: Json, after: Json) -> None:
        with self._store.write() as transaction:
            api = transaction.get(scope_of(context), KIND, name)
            retag(transaction, api, own_tags(before), own_tags(after))
            transaction.update(api, spec=after)

    def delete(self, context: Context, name: str, description: Json) -> None:
        with self._store.write() as transaction:
            transaction.delete(transaction.get(scope_of(context), KIND, name))


def api_arn(*, account: str, api_id: str) -> str:
    """Return the ARN of an API, in which there is no region."""
    return str(Arn(service="execute-api", region="", account=account, resource=api_id))


def find_api(snapshot: Snapshot, *, account: str, api_id: str) -> Resource | None:
    """Return the API of an account by its id, whatever its region, or None."""
    try:
        return snapshot.get_by_arn(api_arn(account=account, api_id=api_id))
    except NotFound:
        return None
