"""What the other rooms ask of keys: to act with them for somebody, and whether somebody could."""

from __future__ import annotations

import uuid

from modelyard.identity.principals import root_of, session_of
from modelyard.keys.access import Decide, KeyAccess
from modelyard.keys.ring import KeyRing
from modelyard.keys.use import DECRYPT, GENERATE, Guard, KeyCheck, KeyUse
from modelyard.operations.context import Context, Principal
from modelyard.store.resources import Scope


class KeyService:
    """Keys for callers, for jobs by their role, and for an account's own services.

    Args:
        guard: authorises and writes down each use.
        decide: what the account's policies say.
        region: where an account's own services look keys up.
    """

    def __init__(self, ring: KeyRing, guard: Guard, decide: Decide, *, region: str) -> None:
        self._ring = ring
        self._guard = guard
        self._region = region
        self._check = KeyCheck(ring, KeyAccess(decide))

    def of(self, context: Context) -> KeyUse:
        """Return the keys as a caller may use them."""
        return KeyUse(self._ring, self._guard, context)

    def of_account(self, account: str) -> KeyUse:
        """Return the keys as the account itself may use them, for what nobody else does."""
        scope = Scope(account=account, region=self._region)
        return self.of(_context(scope, root_of(account)))

    def of_role(self, scope: Scope, role_arn: str, session: str) -> KeyUse:
        """Return the keys as a session of a role may use them: a job, a model.

        Raises:
            ValueError: `role_arn` is not the ARN of a role.
        """
        return self.of(_context(scope, session_of(role_arn, session)))

    def problem(self, scope: Scope, role_arn: str, key: str, *, reads: bool = False) -> str | None:
        """Return why a role could not encrypt under a key, in a sentence; None where it could.

        Args:
            key: its id, its ARN or an alias.
            reads: whether the role must be able to decrypt as well.
        """
        actions = (GENERATE, DECRYPT) if reads else (GENERATE,)
        try:
            principal = session_of(role_arn, "check")
        except ValueError as error:
            return str(error)
        return self._check.problem(_context(scope, principal), key, *actions)


def _context(scope: Scope, principal: Principal) -> Context:
    return Context(
        account=scope.account,
        region=scope.region,
        principal=principal,
        request_id=str(uuid.uuid4()),
        source="in-process",
    )
