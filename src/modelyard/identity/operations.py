"""Who am I, and what might somebody else: GetCallerIdentity, WhoAmI, SimulatePrincipalPolicy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelyard.arns import Arn
from modelyard.identity.principals import session_of
from modelyard.identity.requests import refuse_members
from modelyard.identity.roles import find_role
from modelyard.operations.context import Context
from modelyard.operations.errors import NoSuchEntity
from modelyard.operations.table import Authoriser, Request, Response, operation
from modelyard.operations.targets import caller, given
from modelyard.store.resources import Store

_SIMULATE_MEMBERS = frozenset(
    {"PolicySourceArn", "ActionNames", "ResourceArns", "MaxItems", "Marker"}
)


class IdentityOperations:
    """Callers.

    Args:
        authoriser: the one that the operation table asks; SimulatePrincipalPolicy asks it too.
    """

    def __init__(self, store: Store, authoriser: Authoriser) -> None:
        self._store = store
        self._authoriser = authoriser

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

    @operation("iam", "SimulatePrincipalPolicy", on=given("PolicySourceArn"))
    def simulate_principal_policy(self, context: Context, request: Request) -> Response:
        """Answer, for each action and resource, whether a session of the role would be let."""
        refuse_members(request, _SIMULATE_MEMBERS)
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


def _account_of(resource: str) -> str:
    try:
        return Arn.parse(resource).account
    except ValueError:
        return ""
