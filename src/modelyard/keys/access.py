"""Who may use a key: the account's policies and the key's own must both allow it.

A key's own policy is what may open it to principals of another account; that of a new key leaves
all to its account. An account's own key for objects (`alias/aws/s3`) is used by the store itself,
for whoever may read or write the object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.identity.iam_documents import evaluate
from modelyard.keys.ring import is_managed
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied
from modelyard.operations.table import Decision
from modelyard.store.resources import Resource

#: What the policies say; `Authoriser.decide` is one.
Decide = Callable[[Context, str, str, Mapping[str, Any]], Decision]


class KeyRefused(AccessDenied):
    """The policies do not allow this use of a key; the message is the whole sentence."""


def who(context: Context) -> str:
    """Return the caller as sentences name him: a session by its role."""
    principal = context.principal
    return f"role {principal.role}" if principal.role else principal.arn


def require_policy(context: Context, action: str, key: Resource) -> None:
    """Return if a key's own policy allows an action.

    Raises:
        KeyRefused: it does not.
    """
    if is_managed(key) and key.scope.account == context.account:
        return
    principal = context.principal
    said = evaluate(
        key.spec["Policy"],
        principal_arn=principal.arn,
        principal_account=principal.account,
        action=action,
        resource=key.arn,
        condition_values={},
        role_arn=principal.role,
    )
    if said != "Allow":
        why = "denied" if said == "Deny" else "not allowed"
        raise KeyRefused(
            f"{who(context)} may not use key {key.arn}: {action} is {why} by the key's own policy"
        )


class KeyAccess:
    """Asks both policies.

    Args:
        decide: the account's.
    """

    def __init__(self, decide: Decide) -> None:
        self._decide = decide

    def require(self, context: Context, action: str, key: Resource) -> None:
        """Return if the caller may do an action with a key.

        Raises:
            KeyRefused: he may not; the sentence names him, the key, the action and what decided.
        """
        decision = self._decide(context, action, key.arn, {})
        if not decision.allowed:
            raise KeyRefused(refusal(context, action, key, decision.refusal))
        require_policy(context, action, key)


def refusal(context: Context, action: str, key: Resource, why: str) -> str:
    """Return the sentence that says that an account's policies do not allow the use of a key."""
    return (
        f"{who(context)} may not use key {key.arn}: {action} is not allowed by the policies of "
        f"account {context.account} ({why})"
    )
