"""What the server itself signs with, where it calls its own gateway for a caller.

For the orchestrator's account that is the root's access key. Another account has no root key: for
it the server gives itself a short session of the role that jobs run as, in the caller's name.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from modelyard import clock
from modelyard.arns import role_arn
from modelyard.identity.credentials import Credentials, new_access_key
from modelyard.identity.roles import DEFAULT_ROLE
from modelyard.operations.context import Context
from modelyard.sealing import Session, seal_session

_SECONDS = 900


class OwnCredentials:
    """Credentials for the server's own calls. Safe to use from any thread.

    Args:
        account: the account that the root credentials are of.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        account: str,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._credentials = credentials
        self._account = account
        self._now = now

    def of(self, context: Context) -> tuple[str, str, str | None]:
        """Return the access key id, the secret and the session token for a call of `context`."""
        root = self._credentials
        if context.account == self._account:
            return root.access_key_id, root.secret_access_key, None
        key_id, secret = new_access_key(temporary=True)
        role, now = role_arn(account=context.account, name=DEFAULT_ROLE), self._now()
        session = Session(
            access_key_id=key_id,
            secret=secret,
            account=context.account,
            role_arn=role,
            session_name="modelyard",
            expires_at=now + timedelta(seconds=_SECONDS),
            issued_at=now,
            person=context.principal.person,
            chain=(role,),
        )
        return key_id, secret, seal_session(session, root.sealing_key)
