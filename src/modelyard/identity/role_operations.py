"""IAM's roles: who may act as what, for how long."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from urllib.parse import quote

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.personas import PERSONAS
from modelyard.identity.principals import role_id
from modelyard.identity.requests import page_of, refuse_members
from modelyard.identity.revocations import revoke
from modelyard.identity.roles import DEFAULT_ROLE, ROLE_KIND, role_scope
from modelyard.identity.trust import trust_policy
from modelyard.identity.users import all_of, checked_personas
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

PERSONA_TAG = "modelyard:persona"
_DEFAULT_SECONDS = 3600


class RoleOperations:
    """Roles of the caller's account.

    A new role has the persona that its tag `modelyard:persona` names, and so its permissions.
    Without one it has none, but for what a policy of one's own permits it by its ARN.

    Args:
        changed: called after each change that may end sessions.
    """

    def __init__(
        self,
        store: Store,
        changed: Callable[[], None],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._changed = changed
        self._now = now

    @operation("iam", "CreateRole", on=iam("role", "RoleName"))
    def create_role(self, context: Context, request: Request) -> Response:
        """Create a role that its trust policy says who may assume."""
        refuse_members(
            request,
            {
                *("RoleName", "Path", "AssumeRolePolicyDocument", "Description"),
                *("MaxSessionDuration", "Tags"),
            },
        )
        name, path = request["RoleName"], request.get("Path", "/")
        spec: dict[str, Any] = {
            "Path": path,
            "Description": request.get("Description", ""),
            "MaxSessionDuration": request.get("MaxSessionDuration", _DEFAULT_SECONDS),
            "AssumeRolePolicyDocument": trust_policy(request["AssumeRolePolicyDocument"]),
        }
        arn = Arn(service="iam", region="", account=context.account, resource=f"role{path}{name}")
        tags = tags_of(request)
        if PERSONA_TAG in tags:
            (spec["Persona"],) = checked_personas([tags[PERSONA_TAG]])
        try:
            with self._store.write() as transaction:
                role = transaction.create(
                    role_scope(context.account),
                    ROLE_KIND,
                    name,
                    arn=str(arn),
                    spec=spec,
                    status="Active",
                    tags=tags,
                )
        except AlreadyExists as error:
            raise EntityAlreadyExists(f"Role with name {name} already exists.") from error
        return {"Role": described_role(role, tags)}

    @operation("iam", "GetRole", on=iam("role", "RoleName"))
    def get_role(self, context: Context, request: Request) -> Response:
        """Answer a role of the caller's account."""
        with self._store.read() as snapshot:
            role = _role(snapshot, context, request)
            return {"Role": described_role(role, snapshot.tags(role))}

    @operation("iam", "ListRoles", on=iam("role"))
    def list_roles(self, context: Context, request: Request) -> Response:
        """Answer the account's roles, by name."""
        prefix = request.get("PathPrefix", "/")
        with self._store.read() as snapshot:
            every = all_of(snapshot, context.account, ROLE_KIND)
        roles = [role for role in every if role.spec["Path"].startswith(prefix)]
        page, rest = page_of(roles, [role.name for role in roles], request)
        return {"Roles": [described_role(role, {}) for role in page], **rest}

    @operation("iam", "UpdateRole", on=iam("role", "RoleName"))
    def update_role(self, context: Context, request: Request) -> Response:
        """Change a role's description or its longest session."""
        changed = {
            member: request[member]
            for member in ("Description", "MaxSessionDuration")
            if member in request
        }
        with self._store.write() as transaction:
            role = _role(transaction, context, request)
            transaction.announce(transaction.update(role, spec={**role.spec, **changed}))
        return {}

    @operation("iam", "UpdateAssumeRolePolicy", on=iam("role", "RoleName"))
    def update_assume_role_policy(self, context: Context, request: Request) -> Response:
        """Change who may assume a role; sessions that exist go on until they end."""
        document = trust_policy(request["PolicyDocument"])
        with self._store.write() as transaction:
            role = _role(transaction, context, request)
            spec = {**role.spec, "AssumeRolePolicyDocument": document}
            transaction.announce(transaction.update(role, spec=spec))
        return {}

    @operation("iam", "DeleteRole", on=iam("role", "RoleName"))
    def delete_role(self, context: Context, request: Request) -> Response:
        """Delete a role; its sessions end."""
        with self._store.write() as transaction:
            role = _role(transaction, context, request)
            if role.name in (DEFAULT_ROLE, *PERSONAS):
                raise DeleteConflict(
                    f"Cannot delete role {role.name}: every account has it, and the next start "
                    "would make it again. Take the trust from it with UpdateAssumeRolePolicy"
                )
            transaction.delete(role)
            revoke(transaction, context.account, self._now(), role_arn=role.arn)
        self._changed()
        return {}

    @operation("iam", "TagRole", on=iam("role", "RoleName"))
    def tag_role(self, context: Context, request: Request) -> Response:
        """Add tags to a role, or replace the values of those that are there."""
        tags = tags_of(request)
        _refuse_persona(tags)
        with self._store.write() as transaction:
            transaction.tag(_role(transaction, context, request), tags)
        return {}

    @operation("iam", "UntagRole", on=iam("role", "RoleName"))
    def untag_role(self, context: Context, request: Request) -> Response:
        """Remove tags from a role."""
        _refuse_persona(request["TagKeys"])
        with self._store.write() as transaction:
            transaction.untag(_role(transaction, context, request), request["TagKeys"])
        return {}

    @operation("iam", "ListRoleTags", on=iam("role", "RoleName"))
    def list_role_tags(self, context: Context, request: Request) -> Response:
        """Answer a role's tags, by key."""
        with self._store.read() as snapshot:
            tags = snapshot.tags(_role(snapshot, context, request))
        page, rest = page_of(list(tags.items()), list(tags), request)
        return {"Tags": [{"Key": key, "Value": value} for key, value in page], **rest}


def _refuse_persona(keys: Collection[str]) -> None:
    if PERSONA_TAG in keys:
        raise ValidationError(
            f"The tag {PERSONA_TAG} is what a role is to policies, and is given with CreateRole "
            "only: create another role"
        )


def _role(snapshot: Snapshot, context: Context, request: Request) -> Resource:
    name = request["RoleName"]
    role = snapshot.find(role_scope(context.account), ROLE_KIND, name)
    if role is None:
        raise NoSuchEntity(f"The role with name {name} cannot be found.")
    return role


def described_role(role: Resource, tags: dict[str, str]) -> dict[str, Any]:
    """Return a role as the API shows it."""
    document = json.dumps(role.spec["AssumeRolePolicyDocument"])
    return {
        "Path": role.spec["Path"],
        "RoleName": role.name,
        "RoleId": role_id(role.arn),
        "Arn": role.arn,
        "CreateDate": role.created_at,
        # The API has the document percent-encoded; clients decode it.
        "AssumeRolePolicyDocument": quote(document, safe=""),
        "Description": role.spec["Description"],
        "MaxSessionDuration": role.spec["MaxSessionDuration"],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
