"""The signed-in visitor's way to the operations: the table that every other door calls too."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.gateway.counters import Tally
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, OperationError
from modelyard.operations.table import OperationTable, Response
from modelyard.store.errors import KeyUnusable, NotFound, ObjectTooLarge
from modelyard.store.objects import Objects, S3Uri

MAX_OBJECT_BYTES = 4 << 20  # of a report that a page shows; larger ones are only linked

#: Sends a payload to an endpoint: its name, the body, the type; gives status, type and body.
Invoke = Callable[[Context, str, bytes, str], tuple[int, str, bytes]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the visitor may do something; if not, why not and who may."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What one request of a visitor's asks of the operations, with their own rights."""

    table: OperationTable
    context: Context
    invoke_endpoint: Invoke
    objects_of: Callable[[Context], Objects]
    tallies: Callable[[], Mapping[str, Mapping[str, Tally]]]

    def call(self, service: str, name: str, /, **members: Any) -> Response:
        """Carry out an operation; members that are None or empty texts are left out.

        Raises:
            OperationError: as `OperationTable.call` does.
        """
        given = {key: value for key, value in members.items() if value not in (None, "")}
        return self.table.call(self.context, service, name, given)

    def ask(self, service: str, name: str, /, **members: Any) -> Response | None:
        """Carry out an operation for a part of a page; None where the policy forbids it.

        Raises:
            OperationError: it failed in another way.
        """
        try:
            return self.call(service, name, **members)
        except AccessDenied:
            return None

    def find(self, service: str, name: str, /, **members: Any) -> Response | None:
        """Carry out an operation for a part of a page; None where it answers with an error."""
        try:
            return self.call(service, name, **members)
        except OperationError:
            return None

    def may(self, service: str, name: str, /, **members: Any) -> bool:
        """Return whether the visitor may carry out an operation."""
        return self.table.verdict(self.context, service, name, members).allowed

    def verdict(self, service: str, name: str, /, **members: Any) -> Verdict:
        """Return whether the visitor may carry out an operation, and if not, who may."""
        decision = self.table.verdict(self.context, service, name, members)
        return Verdict(allowed=decision.allowed, reason=decision.refusal)

    def invoke(self, endpoint: str, body: bytes, content_type: str) -> tuple[int, str, bytes]:
        """Return the status, the content type and the body that an endpoint answers.

        Raises:
            AccessDenied: the policy forbids it.
        """
        arn = self.endpoint_arn(endpoint)
        with self.table.guard(
            self.context, "sagemaker:InvokeEndpoint", arn, {"EndpointName": endpoint}
        ):
            return self.invoke_endpoint(self.context, endpoint, body, content_type)

    def may_invoke(self, endpoint: str) -> Verdict:
        """Return whether the visitor may send something to an endpoint."""
        decision = self.table.decide(
            self.context,
            "sagemaker:InvokeEndpoint",
            self.endpoint_arn(endpoint),
            {"EndpointName": endpoint},
        )
        return Verdict(allowed=decision.allowed, reason=decision.refusal)

    def read(self, uri: str) -> bytes | None:
        """Return an object's content; None where there is none, or it is not for the visitor."""
        try:
            place = S3Uri.parse(uri)
            resource = f"arn:aws:s3:::{place.bucket}/{place.key}"
            with self.table.guard(self.context, "s3:GetObject", resource, {"Key": place.key}):
                return self.objects_of(self.context).get(place, max_bytes=MAX_OBJECT_BYTES)
        except (OperationError, ValueError, NotFound, ObjectTooLarge, KeyUnusable):
            return None

    def read_json(self, uri: str) -> Any:
        """Return an object's content, parsed; None where that cannot be."""
        content = self.read(uri)
        if content is None:
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return None

    def traffic(self, endpoint: str) -> Mapping[str, Tally]:
        """Return what the gateway counted of an endpoint, by variant, since it started.

        Only for who may describe the endpoint: whoever calls it has done so.
        """
        context = self.context
        return self.tallies().get(f"{context.account}/{context.region}/{endpoint.lower()}", {})

    def newest_objects(self, folder: str, most: int) -> list[str]:
        """Return the URIs of a folder's objects that sort last; none where it is not for them."""
        try:
            place = S3Uri.parse(folder)
            resource = f"arn:aws:s3:::{place.bucket}"
            with self.table.guard(self.context, "s3:ListBucket", resource, {}):
                found = deque(self.objects_of(self.context).list(place), maxlen=most)
        except (OperationError, ValueError, NotFound):
            return []
        return [f"s3://{place.bucket}/{one.key}" for one in reversed(found)]

    def endpoint_arn(self, name: str) -> str:
        """Return the ARN of an endpoint of the visitor's account."""
        context = self.context
        return f"arn:aws:sagemaker:{context.region}:{context.account}:endpoint/{name}"
