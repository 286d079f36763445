"""What can be asked of tags: add, list, delete; of any kind of resource, by its ARN."""

from __future__ import annotations

import base64
import binascii

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import given
from modelyard.store.errors import NotFound
from modelyard.store.resources import Resource, Snapshot, Store

MAX_TAGS = 50
DEFAULT_PAGE_SIZE = 50
_RESERVED = "aws:"
_AFTER = "after:"


class TaggingOperations:
    """AddTags, ListTags, DeleteTags for resources of the caller's account and region."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("sagemaker", "AddTags", on=given("ResourceArn"))
    def add_tags(self, context: Context, request: Request) -> Response:
        added = tags_of(request)
        reserved = sorted(key for key in added if key.lower().startswith(_RESERVED))
        if reserved:
            raise ValidationError(f"Tag keys that begin with aws: are reserved: {reserved}")
        with self._store.write() as transaction:
            resource = _find(transaction, context, request["ResourceArn"])
            count = len(transaction.tags(resource) | added)
            if count > MAX_TAGS:
                raise ValidationError(
                    f"A resource has at most {MAX_TAGS} tags, {request['ResourceArn']} would have "
                    f"{count}: delete some first"
                )
            if added:
                transaction.tag(resource, added)
            tags = transaction.tags(resource)
        return {"Tags": _listed(tags)}

    @operation("sagemaker", "ListTags", on=given("ResourceArn"))
    def list_tags(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            tags = snapshot.tags(_find(snapshot, context, request["ResourceArn"]))
        after = _last_key(request.get("NextToken"))
        left = {key: value for key, value in tags.items() if after is None or key > after}
        page = dict(list(left.items())[: request.get("MaxResults", DEFAULT_PAGE_SIZE)])
        response: Response = {"Tags": _listed(page)}
        if len(page) < len(left):
            response["NextToken"] = _token(list(page)[-1])
        return response

    @operation("sagemaker", "DeleteTags", on=given("ResourceArn"))
    def delete_tags(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            resource = _find(transaction, context, request["ResourceArn"])
            transaction.untag(resource, list(request["TagKeys"]))
        return {}


def _find(snapshot: Snapshot, context: Context, text: str) -> Resource:
    """Return the resource of an ARN, as if those of others did not exist.

    Raises:
        ValidationError: there is none in the caller's account and region.
    """
    try:
        arn = Arn.parse(text)
        if (arn.account, arn.region) == (context.account, context.region):
            return snapshot.get_by_arn(text)
    except ValueError as error:
        raise ValidationError(f"ResourceArn: {error}") from error
    except NotFound:
        pass
    raise ValidationError(f"Could not find the resource {text} in this account and region")


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _token(last_key: str) -> str:
    return base64.urlsafe_b64encode(f"{_AFTER}{last_key}".encode()).decode()


def _last_key(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (ValueError, binascii.Error):
        text = ""
    if not text.startswith(_AFTER):
        raise ValidationError("NextToken is not one that this operation gave: leave it out")
    return text.removeprefix(_AFTER)
