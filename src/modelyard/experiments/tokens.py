"""What a job's programs prove themselves to MLflow's door with: a session of the job's role."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from modelyard import clock
from modelyard.identity.credentials import new_access_key
from modelyard.identity.http_authentication import session_bearer
from modelyard.identity.revocations import revoke
from modelyard.identity.roles import MAX_SESSION_SECONDS
from modelyard.sealing import Session, seal_session
from modelyard.store.resources import Resource, Store

_NAME_CHARACTERS = 64  # of a session's name


class JobTokens:
    """Gives out tokens and takes them back. Blocking: call it from a thread.

    The token opens `/mlflow`, since only that door and git's take a session that signs nothing, and
    no policy lets a job near the configuration repository.

    Args:
        changed: called after a revocation, so that it holds at once.
    """

    def __init__(self, store: Store, sealing_key: str, changed: Callable[[], None]) -> None:
        self._store = store
        self._sealing_key = sealing_key
        self._changed = changed

    def issue(self, job: Resource) -> str:
        """Return a token that lasts for twelve hours, or until it is taken back."""
        now = clock.now()
        key_id, secret = new_access_key(temporary=True)
        role = job.spec["RoleArn"]
        session = Session(
            access_key_id=key_id,
            secret=secret,
            account=job.scope.account,
            role_arn=role,
            session_name=session_name_of(job),
            expires_at=now + timedelta(seconds=MAX_SESSION_SECONDS),
            issued_at=now,
            chain=(role,),
        )
        return session_bearer(secret, seal_session(session, self._sealing_key))

    def take_back(self, job: Resource) -> None:
        """End every token that was given out for a job."""
        with self._store.write() as transaction:
            revoke(
                transaction,
                job.scope.account,
                clock.now(),
                role_arn=job.spec["RoleArn"],
                session_name=session_name_of(job),
            )
        self._changed()


def session_name_of(job: Resource) -> str:
    """Return the name of a job's session: the job's own, and what no other job's has."""
    digest = hashlib.sha256(f"{job.arn} {job.created_at.timestamp()}".encode()).hexdigest()[:12]
    return f"{job.name[: _NAME_CHARACTERS - 13]}-{digest}"
