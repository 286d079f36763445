"""Who may do what. Deny by default: what no rule here allows is refused.

1. A principal acts in its own account only.
2. The root of an account may do everything in it.
3. A role's session, and a user, may do everything in it. What they may assume says a role's trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.table import Decision


class Policy:
    """The rules above; the operation table asks them ahead of every operation."""

    def decide(
        self, context: Context, action: str, resource: str, request: Mapping[str, Any]
    ) -> Decision:
        """Return whether `context.principal` may do `action` to `resource`."""
        refusal = self._refusal(context, action, resource)
        return Decision(allowed=refusal is None, refusal=refusal or "")

    def _refusal(self, context: Context, action: str, resource: str) -> str | None:
        principal = context.principal
        refused = (
            f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
        )
        if principal.account != context.account:
            return f"{refused} in account {context.account}: it belongs to {principal.account}"
        if principal.is_root:
            return None
        if not _is_known(principal.arn):
            return f"{refused}: no rule allows it"
        return None


def _is_known(arn: str) -> bool:
    try:
        parts = Arn.parse(arn)
    except ValueError:
        return False
    return (parts.service, parts.kind) in {("sts", "assumed-role"), ("iam", "user")}
