"""Users: people and programs with access keys of their own. They are in an account, in no region.

A user is a resource of the kind `user`, with `Personas` in its spec; each of its access keys is one
of the kind `access-key`, named by the key's id, with the secret sealed in its spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelyard.arns import Arn
from modelyard.identity.credentials import new_access_key
from modelyard.identity.personas import PERSONAS
from modelyard.identity.roles import role_scope
from modelyard.operations.errors import LimitExceeded, NoSuchEntity, ValidationError
from modelyard.sealing import seal_text
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot, Transaction

USER_KIND = "user"
KEY_KIND = "access-key"
ACTIVE, INACTIVE = "Active", "Inactive"
MAX_KEYS = 2  # of one user, so that one can be replaced while the other works


def user_arn(*, account: str, name: str, path: str = "/") -> str:
    """Return `arn:aws:iam::<account>:user<path><name>`."""
    return str(Arn(service="iam", region="", account=account, resource=f"user{path}{name}"))


def find_user(snapshot: Snapshot, account: str, name: str) -> Resource:
    """Return a user of an account.

    Raises:
        NoSuchEntity: there is none of that name.
    """
    user = snapshot.find(role_scope(account), USER_KIND, name)
    if user is None:
        raise NoSuchEntity(f"The user with name {name} cannot be found.")
    return user


def all_of(snapshot: Snapshot, account: str, kind: str) -> Sequence[Resource]:
    """Return all users, keys, roles or providers of an account, by name."""
    found: list[Resource] = []
    token: str | None = None
    while True:
        page = snapshot.list(
            role_scope(account), kind, Listing(limit=500, token=token, sort_by="Name")
        )
        found.extend(page.items)
        token = page.token
        if token is None:
            return found


def keys_of(snapshot: Snapshot, user: Resource) -> Sequence[Resource]:
    """Return a user's access keys."""
    keys = all_of(snapshot, user.scope.account, KEY_KIND)
    return [key for key in keys if key.spec["UserArn"] == user.arn]


def create_user(
    transaction: Transaction,
    account: str,
    name: str,
    *,
    path: str = "/",
    personas: Sequence[str] = (),
    tags: dict[str, str] | None = None,
) -> Resource:
    """Create a user.

    Raises:
        AlreadyExists: there is one of that name.
    """
    return transaction.create(
        role_scope(account),
        USER_KIND,
        name,
        arn=user_arn(account=account, name=name, path=path),
        spec={"Path": path, "Personas": list(personas)},
        status=ACTIVE,
        tags=tags,
    )


def create_key(transaction: Transaction, user: Resource, sealing_key: str) -> tuple[Resource, str]:
    """Create an access key; return it and its secret, which can never be read again.

    Raises:
        LimitExceeded: the user has as many as it may have.
    """
    if len(keys_of(transaction, user)) >= MAX_KEYS:
        raise LimitExceeded(
            f"User {user.name} has {MAX_KEYS} access keys already: delete one that is not used"
        )
    key_id, secret = new_access_key(temporary=False)
    arn = Arn(service="iam", region="", account=user.scope.account, resource=f"access-key/{key_id}")
    key = transaction.create(
        user.scope,
        KEY_KIND,
        key_id,
        arn=str(arn),
        spec={
            "UserName": user.name,
            "UserArn": user.arn,
            "Secret": seal_text(secret, sealing_key, name=key_id),
        },
        status=ACTIVE,
    )
    return key, secret


def checked_personas(names: Sequence[str]) -> list[str]:
    """Return the personas, each once, in the order that they are known in.

    Raises:
        ValidationError: one is not known; all such at once.
    """
    unknown = sorted(set(names) - set(PERSONAS))
    if unknown:
        known = ", ".join(PERSONAS)
        raise ValidationError.of([f"{name!r} is no persona: use {known}" for name in unknown])
    return [name for name in PERSONAS if name in names]


def described_user(user: Resource, tags: dict[str, str], identifier: str) -> dict[str, Any]:
    """Return a user as the API shows it."""
    return {
        "Path": user.spec["Path"],
        "UserName": user.name,
        "UserId": identifier,
        "Arn": user.arn,
        "CreateDate": user.created_at,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
