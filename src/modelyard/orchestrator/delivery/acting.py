"""As whom a stage is deployed: whoever provisioned, or the pipeline's role in the stage's account.

Where there are several accounts, the orchestrator's own role `pipeline-role` assumes the role of
the same name in the stage's account, by that role's trust policy: whoever takes the trust away
ends deliveries to that account. The person who provisioned stays known in every record.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol

from modelyard.arns import role_arn
from modelyard.identity.principals import session_of
from modelyard.operations.context import Context
from modelyard.operations.table import OperationTable

PIPELINE_ROLE = "pipeline-role"

_SESSION = re.compile(r"[^\w+=,.@-]")


class Acting(Protocol):
    """Says as whom the parts of a delivery act."""

    def hub(self, context: Context) -> Context:
        """Return the pipeline itself, in its own account, on behalf of who provisioned."""

    def stage(self, context: Context, account: str, role: str) -> Context:
        """Return who deploys a stage.

        Args:
            account: of the stage.
            role: the ARN of whom it acts as; "" is whoever provisioned.

        Raises:
            OperationError: the role of the stage's account does not let itself be assumed.
        """


class RoleActing:
    """Acts as roles that are assumed as anybody assumes them."""

    def __init__(self, table: OperationTable) -> None:
        self._table = table

    def hub(self, context: Context) -> Context:
        role = pipeline_role_of(context.account)
        session = session_of(role, _session_name(context), person=context.principal.person)
        return replace(context, principal=session)

    def stage(self, context: Context, account: str, role: str) -> Context:
        if not role:
            return context
        hub = self.hub(context)
        if role == hub.principal.role:
            return hub
        name = _session_name(context)
        self._table.call(hub, "sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": name})
        session = session_of(
            role,
            name,
            person=context.principal.person,
            chain=(*hub.principal.chain, role),
        )
        return replace(hub, account=account, principal=session)


def pipeline_role_of(account: str) -> str:
    """Return the ARN of an account's role for pipelines."""
    return role_arn(account=account, name=PIPELINE_ROLE)


def _session_name(context: Context) -> str:
    """Return a name by which records tell the deliveries of persons apart."""
    person = re.split("[:/]", context.principal.person)[-1]
    return _SESSION.sub("-", f"delivery-{person}")[:64]
