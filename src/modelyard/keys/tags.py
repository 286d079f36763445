"""Tags of keys, which the service spells TagKey and TagValue."""

from __future__ import annotations

from modelyard.keys.access import KeyAccess
from modelyard.keys.errors import InvalidTag, UnsupportedOperation
from modelyard.keys.ring import KeyRing, is_managed
from modelyard.keys.targets import key_in
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.store.resources import Resource, Snapshot

MAX_TAGS = 50


class KeyTagOperations:
    """TagResource, UntagResource, ListResourceTags."""

    def __init__(self, ring: KeyRing, access: KeyAccess) -> None:
        self._ring = ring
        self._store = ring.store
        self._access = access

    @operation("kms", "TagResource", on=key_in("KeyId"))
    def tag_resource(self, context: Context, request: Request) -> Response:
        added = tags_of(request)
        with self._store.write() as transaction:
            key = self._key(transaction, context, "kms:TagResource", request["KeyId"])
            _require_customers(key)
            if len(transaction.tags(key) | added) > MAX_TAGS:
                raise InvalidTag(f"A key has at most {MAX_TAGS} tags: remove some first")
            transaction.tag(key, added)
        return {}

    @operation("kms", "UntagResource", on=key_in("KeyId"))
    def untag_resource(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            key = self._key(transaction, context, "kms:UntagResource", request["KeyId"])
            _require_customers(key)
            transaction.untag(key, request["TagKeys"])
        return {}

    @operation("kms", "ListResourceTags", on=key_in("KeyId"))
    def list_resource_tags(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            key = self._key(snapshot, context, "kms:ListResourceTags", request["KeyId"])
            tags = snapshot.tags(key)
        # A key has at most 50, which is what a page has.
        return {
            "Tags": [{"TagKey": name, "TagValue": value} for name, value in tags.items()],
            "Truncated": False,
        }

    def _key(self, snapshot: Snapshot, context: Context, action: str, text: str) -> Resource:
        key = self._ring.find(snapshot, scope_of(context), text)
        self._access.require(context, action, key)
        return key


def tags_of(request: Request) -> dict[str, str]:
    """Return the tags of a request by key.

    Raises:
        InvalidTag: one comes twice, is reserved, or there are too many.
    """
    given = request.get("Tags", [])
    tags = {tag["TagKey"]: tag["TagValue"] for tag in given}
    if len(tags) < len(given):
        raise InvalidTag("A tag key is given twice: give each once")
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        raise InvalidTag(f"Tag keys that begin with aws: are reserved: {', '.join(reserved)}")
    if len(tags) > MAX_TAGS:
        raise InvalidTag(f"A key has at most {MAX_TAGS} tags")
    return tags


def _require_customers(key: Resource) -> None:
    if is_managed(key):
        raise UnsupportedOperation(
            f"{key.arn} is the account's own key for its objects: it cannot be changed"
        )
