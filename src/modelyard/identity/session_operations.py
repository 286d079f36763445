"""Sessions of roles: temporary credentials that need no database, and their early end.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.credentials import Credentials, new_access_key
from modelyard.identity.personas import personas_of
from modelyard.identity.principals import principal_of
from modelyard.identity.requests import refuse_members
from modelyard.identity.revocations import revoke
from modelyard.identity.roles import ROLE_KIND
from modelyard.identity.trust import ASSUME_ROLE, SET_SOURCE_IDENTITY, is_trusted
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, NoSuchEntity, ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import given
from modelyard.sealing import Session, seal_session
from modelyard.store.errors import NotFound
from modelyard.store.resources import Resource, Snapshot, Store

DEFAULT_SESSION_SECONDS = 3600
MAX_CHAINED_SECONDS = 3600  # of a session that another role's session asked for
MAX_CHAIN = 4  # roles, one after the other
_ASSUME_ROLE_MEMBERS = frozenset(
    {"RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "SourceIdentity"}
)


class SessionOperations:
    """Gives out sessions and ends them.

    Args:
        changed: called after a revocation, so that it holds at once.
        now: the present moment, aware.
    """

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        changed: Callable[[], None],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._sealing_key = credentials.sealing_key
        self._changed = changed
        self._now = now

    @operation("sts", "AssumeRole", on=given("RoleArn"))
    def assume_role(self, context: Context, request: Request) -> Response:
        """Answer credentials of a role's session: nothing is stored, the token is the session.

        The role may be of any account: its trust policy says who may assume it.
        """
        refuse_members(request, _ASSUME_ROLE_MEMBERS)
        principal, now = context.principal, self._now()
        with self._store.read() as snapshot:
            role = self._assumable(snapshot, context, request, now)
        chain = _chain(context, role.arn)
        session = new_session(
            role,
            request,
            now,
            person=principal.person,
            chain=chain,
            source_identity=_source_identity(context, request),
        )
        answer = assumed(session, self._sealing_key)
        if session.source_identity:
            answer["SourceIdentity"] = session.source_identity
        return answer

    @operation("modelyard", "RevokeSessions", on=given("RoleArn"))
    def revoke_sessions(self, context: Context, request: Request) -> Response:
        """End the sessions of a role that were issued up to now: all, or those that fit."""
        now = self._now()
        with self._store.write() as transaction:
            role = find_any_role(transaction, request["RoleArn"])
            if role is None or role.scope.account != context.account:
                raise NoSuchEntity(
                    f"The role {request['RoleArn']} is not one of account {context.account}: "
                    "sessions are revoked in the account of their role"
                )
            revoke(
                transaction,
                context.account,
                now,
                role_arn=role.arn,
                session_name=request.get("SessionName", ""),
                access_key_id=request.get("AccessKeyId", ""),
                person=request.get("Person", ""),
            )
        self._changed()
        return {"RevokedBefore": now}

    def _assumable(
        self, snapshot: Snapshot, context: Context, request: Request, now: datetime
    ) -> Resource:
        role = find_any_role(snapshot, request["RoleArn"])
        personas = personas_of(snapshot, context.principal)
        needed = [ASSUME_ROLE]
        if request.get("SourceIdentity"):
            needed.append(SET_SOURCE_IDENTITY)
        for action in needed:
            # A role that is not there and one that trusts others get one answer.
            if role is None or not is_trusted(
                role, context, request, personas=personas, now=now, action=action
            ):
                raise AccessDenied(
                    f"User: {context.principal.arn} is not authorized to perform: {action} on "
                    f"resource: {request['RoleArn']}: there is no such role, or its trust policy "
                    "does not let you"
                )
        if role is None:
            raise RuntimeError("a role that is not there was trusted")
        return role


def find_any_role(snapshot: Snapshot, arn: str) -> Resource | None:
    """Return the role of any account that `arn` names, or None."""
    try:
        found = snapshot.get_by_arn(arn)
    except NotFound:
        return None
    return found if found.kind == ROLE_KIND else None


def new_session(
    role: Resource,
    request: Request,
    now: datetime,
    *,
    person: str,
    chain: tuple[str, ...],
    source_identity: str = "",
) -> Session:
    """Return a fresh session of a role, as long as was asked for.

    Raises:
        ValidationError: the role, or a chain, allows none so long.
    """
    longest = role.spec["MaxSessionDuration"]
    seconds = request.get("DurationSeconds", DEFAULT_SESSION_SECONDS)
    if len(chain) > 1 and seconds > MAX_CHAINED_SECONDS:
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining."
        )
    if seconds > longest:
        raise ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role, "
            f"{longest}."
        )
    key_id, secret = new_access_key(temporary=True)
    return Session(
        access_key_id=key_id,
        secret=secret,
        account=Arn.parse(role.arn).account,
        role_arn=role.arn,
        session_name=request["RoleSessionName"],
        expires_at=(now + timedelta(seconds=seconds)).replace(microsecond=0),
        issued_at=now,
        person=person,
        chain=chain,
        source_identity=source_identity,
    )


def assumed(session: Session, sealing_key: str) -> Response:
    """Return what every operation answers that gives out a session."""
    principal = principal_of(session)
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": seal_session(session, sealing_key),
            "Expiration": session.expires_at,
        },
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }


def _chain(context: Context, role_arn: str) -> tuple[str, ...]:
    before = context.principal.chain
    chain = (*before, role_arn)
    if role_arn in before:
        raise AccessDenied(f"A role chain may not loop: {' -> '.join(chain)}")
    if len(chain) > MAX_CHAIN:
        raise AccessDenied(
            f"A role chain has at most {MAX_CHAIN} roles, and this would be {len(chain)}: "
            f"{' -> '.join(chain)}"
        )
    return chain


def _source_identity(context: Context, request: Request) -> str:
    before, asked = context.principal.source_identity, request.get("SourceIdentity", "")
    if before and asked and asked != before:
        raise AccessDenied(
            f"The source identity of this session is {before!r}, and a role chain keeps it: leave "
            "SourceIdentity out"
        )
    return before or asked
