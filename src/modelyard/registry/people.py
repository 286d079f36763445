"""What approval asks of identity: who has which persona, and whether anybody but root is there."""

from __future__ import annotations

from modelyard.identity.personas import personas_of
from modelyard.identity.roles import role_scope
from modelyard.registry.approvals import People
from modelyard.store.listing import Listing
from modelyard.store.resources import Snapshot

_USER = "user"


def has_users(snapshot: Snapshot, account: str) -> bool:
    """Return whether an account has any user beside its root."""
    return bool(snapshot.list(role_scope(account), _USER, Listing(limit=1)).items)


STORED = People(personas=personas_of, has_users=has_users)
