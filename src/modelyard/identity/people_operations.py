"""People: users with personas, added and removed in one call each; IAM has no word for personas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from modelyard import clock
from modelyard.identity.credentials import Credentials, bearer_token_of
from modelyard.identity.requests import page_of
from modelyard.identity.revocations import revoke
from modelyard.identity.users import (
    USER_KIND,
    all_of,
    checked_personas,
    create_key,
    create_user,
    find_user,
    keys_of,
)
from modelyard.operations.context import Context
from modelyard.operations.errors import EntityAlreadyExists
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import iam
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Resource, Store


class PeopleOperations:
    """People of the caller's account.

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

    @operation("modelyard", "CreatePerson", on=iam("user", "UserName"))
    def create_person(self, context: Context, request: Request) -> Response:
        """Create a user with personas and an access key; answer its secrets, this once."""
        name = request["UserName"]
        personas = checked_personas(request["Personas"])
        try:
            with self._store.write() as transaction:
                user = create_user(transaction, context.account, name, personas=personas)
                key, secret = create_key(transaction, user, self._sealing_key)
        except AlreadyExists as error:
            raise EntityAlreadyExists(f"User with name {name} already exists.") from error
        self._changed()
        return {
            **_described(user),
            "AccessKeyId": key.name,
            "SecretAccessKey": secret,
            "BearerToken": bearer_token_of(key.name, secret),
        }

    @operation("modelyard", "SetPersonas", on=iam("user", "UserName"))
    def set_personas(self, context: Context, request: Request) -> Response:
        """Give a user exactly these personas; sessions that it has because of others end."""
        personas = checked_personas(request["Personas"])
        with self._store.write() as transaction:
            user = find_user(transaction, context.account, request["UserName"])
            lost = set(user.spec["Personas"]) - set(personas)
            user = transaction.update(user, spec={**user.spec, "Personas": personas})
            transaction.announce(user)
            if lost:
                revoke(transaction, context.account, self._now(), person=user.arn)
        self._changed()
        return _described(user)

    @operation("modelyard", "ListPeople", on=iam("user"))
    def list_people(self, context: Context, request: Request) -> Response:
        """Answer the account's users with their personas, by name."""
        with self._store.read() as snapshot:
            users = all_of(snapshot, context.account, USER_KIND)
        page, rest = page_of(users, [user.name for user in users], request)
        return {"People": [_described(user) for user in page], **rest}

    @operation("modelyard", "DeletePerson", on=iam("user", "UserName"))
    def delete_person(self, context: Context, request: Request) -> Response:
        """Delete a user with its access keys; its sessions end."""
        with self._store.write() as transaction:
            user = find_user(transaction, context.account, request["UserName"])
            for key in keys_of(transaction, user):
                transaction.delete(key)
            transaction.delete(user)
            revoke(transaction, context.account, self._now(), person=user.arn)
        self._changed()
        return {}


def _described(user: Resource) -> Response:
    return {
        "UserName": user.name,
        "Arn": user.arn,
        "Personas": user.spec["Personas"],
        "CreationTime": user.created_at,
    }
