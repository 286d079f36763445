"""AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound, ValidationError
from modelyard.operations.requests import tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.store.errors import NotFound
from modelyard.store.resources import Resource, Snapshot, Store

MAX_TAGS = 50  # per resource, as AWS has it


class TaggingOperations:
    """Tags of the caller's own resources."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("sagemaker", "AddTags")
    def add_tags(self, context: Context, request: Request) -> Response:
        added = tags_of(request)
        with self._store.write() as transaction:
            resource = _own(transaction, context, request["ResourceArn"])
            merged = {**transaction.tags(resource), **added}
            if len(merged) > MAX_TAGS:
                raise ValidationError(
                    f"{resource.arn} would have {len(merged)} tags, the most is {MAX_TAGS}: "
                    "delete some first"
                )
            transaction.tag(resource, added)
        return {"Tags": _listed(merged)}

    @operation("sagemaker", "ListTags")
    def list_tags(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            resource = _own(snapshot, context, request["ResourceArn"])
            tags = _listed(snapshot.tags(resource))
        # At most 50 tags: one page, unless the caller asks for smaller ones.
        first = _offset(request.get("NextToken"), len(tags))
        last = first + request.get("MaxResults", MAX_TAGS)
        return {"Tags": tags[first:last], "NextToken": str(last) if last < len(tags) else None}

    @operation("sagemaker", "DeleteTags")
    def delete_tags(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            resource = _own(transaction, context, request["ResourceArn"])
            transaction.untag(resource, list(request["TagKeys"]))
        return {}


def _own(snapshot: Snapshot, context: Context, arn: str) -> Resource:
    """Return the caller's own resource; one of another account is as if it were not there."""
    try:
        parsed = Arn.parse(arn)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if (parsed.account, parsed.region) == (context.account, context.region):
        try:
            return snapshot.get_by_arn(arn)
        except NotFound:
            pass
    raise ResourceNotFound(
        f"there is no resource {arn} in account {context.account} and region {context.region}"
    )


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _offset(token: str | None, count: int) -> int:
    if token is None:
        return 0
    if not token.isdecimal() or int(token) > count:
        raise ValidationError("NextToken is not one that this listing gave: leave it out")
    return int(token)
