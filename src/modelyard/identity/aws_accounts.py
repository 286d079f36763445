"""Accounts of AWS: the same operations, asked of boto3 instead of this server.

An account with the provider `aws` is reached with a profile of the operator's AWS configuration;
where it names a role, that role is assumed, for an hour at a time and in the caller's name.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from modelyard import clock
from modelyard.identity.accounts import find_account
from modelyard.operations.client import client_error
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError, ValidationError
from modelyard.operations.table import OperationTable
from modelyard.store.resources import Json, Store

_RENEW_BEFORE = timedelta(minutes=5)
_SESSION_NAME = re.compile(r"[^\w+=,.@-]")


class AwsSession(Protocol):
    """What is needed of `boto3.session.Session`."""

    def client(self, service: str, **options: Any) -> Any: ...


#: Makes a session of a profile and a region; "" leaves either to boto3.
SessionMaker = Callable[[str, str], AwsSession]


@dataclass(frozen=True, kw_only=True)
class _Assumed:
    """Credentials that were assumed, as a client's options."""

    options: dict[str, str]
    expires_at: datetime


def boto3_session(profile: str, region: str) -> AwsSession:
    """Return a session of boto3.

    Raises:
        ValidationError: boto3 is not installed, or has no such profile.
    """
    try:
        import boto3
        from botocore.exceptions import ProfileNotFound
    except ImportError as error:
        raise ValidationError(
            "an account with the provider aws needs the extra `aws`: pip install 'modelyard[aws]'"
        ) from error
    try:
        session: AwsSession = boto3.session.Session(
            profile_name=profile or None, region_name=region or None
        )
    except ProfileNotFound as error:
        raise ValidationError(f"{error}: see ~/.aws/config of who runs the server") from error
    return session


class AwsClients:
    """Gives clients of boto3 for the accounts that are AWS's. Safe to use from any thread.

    Args:
        orchestrator: the account that keeps the list of accounts.
    """

    def __init__(
        self,
        store: Store,
        table: OperationTable,
        orchestrator: str,
        make_session: SessionMaker = boto3_session,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._table = table
        self._orchestrator = orchestrator
        self._make_session = make_session
        self._now = now
        self._assumed: dict[tuple[str, str], _Assumed] = {}
        self._lock = threading.Lock()

    def client(self, context: Context, service: str) -> GuardedClient | None:
        """Return a client for the caller's account; None: the account is this server's own.

        Raises:
            ValidationError: boto3 is not installed, or has no such profile.
            botocore.exceptions.ClientError: AWS does not let the profile assume the role.
        """
        with self._store.read() as snapshot:
            account = find_account(snapshot, self._orchestrator, context.account)
        if account is None or account.spec["Provider"] != "aws":
            return None
        region = account.spec["Region"] or context.region
        session = self._make_session(account.spec["Profile"], region)
        options = self._credentials(session, account.spec, context)
        client = session.client(service, region_name=region, **options)
        return GuardedClient(self._table, context, service, client)

    def _credentials(self, session: AwsSession, spec: Json, context: Context) -> dict[str, str]:
        role = spec["RoleArn"]
        if not role:
            return {}
        # One session for each person, so that AWS's own trail tells them apart.
        name = _SESSION_NAME.sub("-", context.principal.person.rpartition(":")[2])[-64:]
        with self._lock:
            known = self._assumed.get((role, name))
            if known is not None and self._now() < known.expires_at - _RENEW_BEFORE:
                return known.options
            answer = session.client("sts").assume_role(RoleArn=role, RoleSessionName=name)
            keys = answer["Credentials"]
            options = {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            }
            self._assumed[role, name] = _Assumed(options=options, expires_at=keys["Expiration"])
            return options


class GuardedClient:
    """A client of boto3 whose every call is authorised and recorded here first."""

    def __init__(self, table: OperationTable, context: Context, service: str, client: Any) -> None:
        self._table = table
        self._context = context
        self._service = service
        self._client = client

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return the operation whose name boto3 spells `method`.

        Raises:
            AttributeError: the service has none of that name.
        """
        name = self._client.meta.method_to_api_mapping.get(method)
        if name is None:
            raise AttributeError(f"{self._service} has no operation {method!r}")
        operation: str = name

        def call(**members: Any) -> Any:
            try:
                with self._table.guarded(self._context, self._service, operation, members):
                    return getattr(self._client, method)(**members)
            except OperationError as error:
                raise client_error(error, operation) from error

        return call
