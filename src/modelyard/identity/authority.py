"""Who decides and who asks, put together: the permissions and the operation table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.identity.authorisation import Permissions
from modelyard.identity.policies.book import PolicyBook
from modelyard.identity.policies.checking import PolicyChecker
from modelyard.identity.policies.directory import StoreDirectory, StoreStates
from modelyard.identity.policies.passing import Passed
from modelyard.identity.policies.shares import KeptPolicies, Shares
from modelyard.operations.schema import Schema
from modelyard.operations.table import Auditor, OperationTable
from modelyard.store.resources import Store


@dataclass(frozen=True, kw_only=True)
class Authority:
    """What belongs together."""

    table: OperationTable
    permissions: Permissions
    shares: Shares  # to which a room adds the finder of its resources' own policies


def authority(
    store: Store,
    schema: Schema,
    *,
    account: str,
    folder: Path,
    guarded: Sequence[str] = (),
    auditor: Auditor | None = None,
) -> Authority:
    """Return an operation table without operations yet, and who decides for it.

    Once the operations are there, `permissions.book.load` brings the user's policies into force.

    Args:
        account: the orchestrator's.
        folder: of the user's policies.
        guarded: actions that are asked about without being operations of a service's model.
    """

    def actions() -> list[str]:
        offered = [f"{entry.service}:{entry.name}" for entry in table.operations()]
        return [*offered, *guarded]

    shares = Shares(
        [
            KeptPolicies(store, "iam", "role", "AssumeRolePolicyDocument"),
            KeptPolicies(store, "kms", "key", "Policy"),
        ]
    )
    permissions = Permissions(
        PolicyBook(folder, PolicyChecker(schema, actions)),
        StoreDirectory(store, account),
        shares,
        StoreStates(store),
        Passed(schema),
    )
    table = OperationTable(schema, permissions, auditor)
    return Authority(table=table, permissions=permissions, shares=shares)
