"""IAM's users and their access keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from modelyard import clock
from modelyard.identity.credentials import Credentials
from modelyard.identity.principals import user_id
from modelyard.identity.requests import own_user, page_of, refuse_members, user_name
from modelyard.identity.revocations import revoke
from modelyard.identity.users import (
    KEY_KIND,
    USER_KIND,
    all_of,
    create_key,
    create_user,
    described_user,
    find_user,
    keys_of,
)
from modelyard.operations.context import Context
from modelyard.operations.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    NoSuchEntity,
    ValidationError,
)
from modelyard.operations.requests import tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import iam
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Resource, Snapshot, Store


class UserOperations:
    """Users of the caller's account.

    Args:
        changed: called after each change, so that it holds at once.
    """

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        changed: Callable[[], None],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._sealing_key = credentials.sealing_key
        self._changed = changed
        self._now = now

    @operation("iam", "CreateUser", on=iam("user", "UserName"))
    def create_user(self, context: Context, request: Request) -> Response:
        """Create a user without access keys and without personas."""
        refuse_members(request, {"UserName", "Path", "Tags"})
        name = request["UserName"]
        try:
            with self._store.write() as transaction:
                user = create_user(
                    transaction,
                    context.account,
                    name,
                    path=request.get("Path", "/"),
                    tags=tags_of(request),
                )
        except AlreadyExists as error:
            raise EntityAlreadyExists(f"User with name {name} already exists.") from error
        return {"User": described_user(user, tags_of(request), user_id(user.arn))}

    @operation("iam", "GetUser", on=own_user)
    def get_user(self, context: Context, request: Request) -> Response:
        """Answer a user of the account; the caller, where none is named."""
        name = user_name(context, request)
        with self._store.read() as snapshot:
            user = find_user(snapshot, context.account, name)
            return {"User": described_user(user, snapshot.tags(user), user_id(user.arn))}

    @operation("iam", "ListUsers", on=iam("user"))
    def list_users(self, context: Context, request: Request) -> Response:
        """Answer the account's users, by name."""
        prefix = request.get("PathPrefix", "/")
        with self._store.read() as snapshot:
            every = all_of(snapshot, context.account, USER_KIND)
        users = [user for user in every if user.spec["Path"].startswith(prefix)]
        page, rest = page_of(users, [user.name for user in users], request)
        return {"Users": [described_user(user, {}, user_id(user.arn)) for user in page], **rest}

    @operation("iam", "DeleteUser", on=iam("user", "UserName"))
    def delete_user(self, context: Context, request: Request) -> Response:
        """Delete a user that has no access keys; its sessions end."""
        with self._store.write() as transaction:
            user = find_user(transaction, context.account, request["UserName"])
            if keys_of(transaction, user):
                raise DeleteConflict("Cannot delete entity, must delete access keys first.")
            transaction.delete(user)
            revoke(transaction, context.account, self._now(), person=user.arn)
        self._changed()
        return {}

    @operation("iam", "CreateAccessKey", on=own_user)
    def create_access_key(self, context: Context, request: Request) -> Response:
        """Create an access key and answer its secret, this once."""
        name = user_name(context, request)
        with self._store.write() as transaction:
            user = find_user(transaction, context.account, name)
            key, secret = create_key(transaction, user, self._sealing_key)
        self._changed()
        return {"AccessKey": {**_described_key(key), "SecretAccessKey": secret}}

    @operation("iam", "ListAccessKeys", on=own_user)
    def list_access_keys(self, context: Context, request: Request) -> Response:
        """Answer a user's access keys, without their secrets."""
        name = user_name(context, request)
        with self._store.read() as snapshot:
            keys = keys_of(snapshot, find_user(snapshot, context.account, name))
        page, rest = page_of(keys, [key.name for key in keys], request)
        return {"AccessKeyMetadata": [_described_key(key) for key in page], **rest}

    @operation("iam", "UpdateAccessKey", on=own_user)
    def update_access_key(self, context: Context, request: Request) -> Response:
        """Switch an access key on or off."""
        name, status = user_name(context, request), request["Status"]
        if status not in ("Active", "Inactive"):
            raise ValidationError(f"Status {status!r} is not offered: use Active or Inactive")
        with self._store.write() as transaction:
            key = _key(transaction, context, name, request["AccessKeyId"])
            transaction.update(key, status=status)
        self._changed()
        return {}

    @operation("iam", "DeleteAccessKey", on=own_user)
    def delete_access_key(self, context: Context, request: Request) -> Response:
        """Delete an access key: from now on it is unknown."""
        name = user_name(context, request)
        with self._store.write() as transaction:
            transaction.delete(_key(transaction, context, name, request["AccessKeyId"]))
        self._changed()
        return {}


def _key(snapshot: Snapshot, context: Context, user: str, key_id: str) -> Resource:
    owner = find_user(snapshot, context.account, user)
    key = snapshot.find(owner.scope, KEY_KIND, key_id)
    if key is None or key.spec["UserArn"] != owner.arn:
        raise NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")
    return key


def _described_key(key: Resource) -> Response:
    return {
        "UserName": key.spec["UserName"],
        "AccessKeyId": key.name,
        "Status": key.status,
        "CreateDate": key.created_at,
    }
