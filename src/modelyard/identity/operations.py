"""Who am I, and what might somebody else: GetCallerIdentity, WhoAmI, SimulatePrincipalPolicy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelyard.identity.principals import session_of, user_of
from modelyard.identity.requests import refuse_members
from modelyard.identity.roles import ROLE_KIND
from modelyard.identity.users import USER_KIND
from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import NoSuchEntity
from modelyard.operations.table import Authoriser, Request, Response, operation
from modelyard.operations.targets import caller, given
from modelyard.store.errors import NotFound
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
        """Answer, for each action and resource, whether the user or role would be let."""
        refuse_members(request, _SIMULATE_MEMBERS)
        source = request["PolicySourceArn"]
        acting = replace(context, principal=self._simulated(context, source))
        return {
            "IsTruncated": False,
            "EvaluationResults": [
                self._evaluated(acting, action, resource)
                for action in request["ActionNames"]
                for resource in request.get("ResourceArns") or ["*"]
            ],
        }

    def _simulated(self, context: Context, source: str) -> Principal:
        with self._store.read() as snapshot:
            try:
                found = snapshot.get_by_arn(source)
            except NotFound as error:
                raise NoSuchEntity(f"The principal {source} cannot be found.") from error
        if found.scope.account == context.account and found.kind == ROLE_KIND:
            return session_of(found.arn, "simulation")
        if found.scope.account == context.account and found.kind == USER_KIND:
            return user_of(found.arn)
        raise NoSuchEntity(f"The principal {source} cannot be found.")

    def _evaluated(self, acting: Context, action: str, resource: str) -> dict[str, Any]:
        decision = self._authoriser.decide(acting, action, resource, {})
        refused = "explicitDeny" if decision.policies else "implicitDeny"
        return {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": "allowed" if decision.allowed else refused,
            "MatchedStatements": [
                {"SourcePolicyId": policy, "SourcePolicyType": "user-managed"}
                for policy in decision.policies
            ],
            "MissingContextValues": [],
        }
