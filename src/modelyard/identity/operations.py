"""What the identity services offer: STS GetCallerIdentity and AssumeRole, IAM GetRole and
SimulatePrincipalPolicy."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.credentials import Credentials, new_access_key
from modelyard.identity.principals import role_id, session_of
from modelyard.identity.roles import ROLE_KIND, find_role, role_scope
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import AccessDenied, NoSuchEntity, ValidationError
from modelyard.operations.table import Authoriser, Request, Response, operation
from modelyard.operations.targets import caller, given, iam
from modelyard.sealing import Session, seal_session
from modelyard.store.resources import Resource, Store

DEFAULT_SESSION_SECONDS = 3600
_ASSUME_ROLE_MEMBERS = frozenset({"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"})
_SIMULATE_MEMBERS = frozenset(
    {"PolicySourceArn", "ActionNames", "ResourceArns", "MaxItems", "Marker"}
)


class IdentityOperations:
    """Callers, roles, and temporary credentials that need no database.

    Args:
        authoriser: the one that the operation table asks; SimulatePrincipalPolicy asks it too.
        now: the present moment, aware.
    """

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        authoriser: Authoriser,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._sealing_key = credentials.sealing_key
        self._authoriser = authoriser
        self._now = now

    @operation("sts", "GetCallerIdentity", on=caller)
    def get_caller_identity(self, context: Context, request: Request) -> Response:
        """Answer who the caller is."""
        principal = context.principal
        return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}

    @operation("modelyard", "WhoAmI", on=caller)
    def who_am_i(self, context: Context, request: Request) -> Response:
        """Answer who the caller is, and who stands behind."""
        principal = context.principal
        return {
            "Account": principal.account,
            "Arn": principal.arn,
            "Person": principal.person,
            "Role": principal.role,
        }

    @operation("sts", "AssumeRole", on=given("RoleArn"))
    def assume_role(self, context: Context, request: Request) -> Response:
        """Answer credentials of a role's session: nothing is stored, the token is the session."""
        _refuse_members(request, _ASSUME_ROLE_MEMBERS)
        role = self._assumable_role(context, request["RoleArn"])
        seconds = request.get("DurationSeconds", DEFAULT_SESSION_SECONDS)
        if seconds > role.spec["MaxSessionDuration"]:
            raise ValidationError(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role, "
                f"{role.spec['MaxSessionDuration']}."
            )
        key_id, secret = new_access_key(temporary=True)
        session = Session(
            access_key_id=key_id,
            secret=secret,
            account=context.account,
            role_arn=role.arn,
            session_name=request["RoleSessionName"],
            expires_at=(self._now() + timedelta(seconds=seconds)).replace(microsecond=0),
        )
        return self._assumed(session)

    @operation("iam", "GetRole", on=iam("role", "RoleName"))
    def get_role(self, context: Context, request: Request) -> Response:
        """Answer a role of the caller's account."""
        name = request["RoleName"]
        with self._store.read() as snapshot:
            role = snapshot.find(role_scope(context.account), ROLE_KIND, name)
            if role is None:
                raise NoSuchEntity(f"The role with name {name} cannot be found.")
            tags = snapshot.tags(role)
        return {"Role": _described(role, tags)}

    @operation("iam", "SimulatePrincipalPolicy", on=given("PolicySourceArn"))
    def simulate_principal_policy(self, context: Context, request: Request) -> Response:
        """Answer, for each action and resource, whether a session of the role would be let."""
        _refuse_members(request, _SIMULATE_MEMBERS)
        source = request["PolicySourceArn"]
        with self._store.read() as snapshot:
            role = find_role(snapshot, context.account, source)
        if role is None:
            raise NoSuchEntity(f"The role {source} cannot be found.")
        acting = replace(context, principal=session_of(role.arn, "simulation"))
        return {
            "IsTruncated": False,
            "EvaluationResults": [
                self._evaluated(acting, action, resource)
                for action in request["ActionNames"]
                for resource in request.get("ResourceArns") or ["*"]
            ],
        }

    def _assumable_role(self, context: Context, arn: str) -> Resource:
        with self._store.read() as snapshot:
            role = find_role(snapshot, context.account, arn)
        if role is None:
            raise AccessDenied(
                f"User: {context.principal.arn} is not authorized to perform: sts:AssumeRole on "
                f"resource: {arn}: account {context.account} has no such role"
            )
        return role

    def _assumed(self, session: Session) -> Response:
        principal: Principal = session_of(session.role_arn, session.session_name)
        return {
            "Credentials": {
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret,
                "SessionToken": seal_session(session, self._sealing_key),
                "Expiration": session.expires_at,
            },
            "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
        }

    def _evaluated(self, acting: Context, action: str, resource: str) -> dict[str, Any]:
        owner = _account_of(resource)
        foreign = owner not in {"", acting.account}
        refused = foreign or not self._authoriser.decide(acting, action, resource, {}).allowed
        return {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": "implicitDeny" if refused else "allowed",
            "MatchedStatements": [],
            "MissingContextValues": [],
        }


def _described(role: Resource, tags: dict[str, str]) -> dict[str, Any]:
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


def _account_of(resource: str) -> str:
    try:
        return Arn.parse(resource).account
    except ValueError:
        return ""


def _refuse_members(request: Request, offered: Collection[str]) -> None:
    """Refuse members that would have to change the outcome, instead of passing them over."""
    refused = sorted(set(request) - set(offered))
    if refused:
        raise ValidationError.of([f"{name!r} is not offered by this server" for name in refused])
