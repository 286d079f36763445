"""An account with its store, its credentials and a clock that stands still."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.credentials import Credentials as BotocoreCredentials

from modelyard.identity.authentication import Authenticator, RequestHead
from modelyard.identity.authorisation import Permissions
from modelyard.identity.authority import authority
from modelyard.identity.credentials import Credentials, establish_credentials
from modelyard.identity.known_callers import KnownCallers
from modelyard.identity.operations import IdentityOperations
from modelyard.identity.people_operations import PeopleOperations
from modelyard.identity.policy_operations import PolicyOperations
from modelyard.identity.principals import root_of
from modelyard.identity.role_operations import RoleOperations
from modelyard.identity.roles import ensure_default_role
from modelyard.identity.session_operations import SessionOperations
from modelyard.identity.user_operations import UserOperations
from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.store import tables
from modelyard.store.database import Database
from modelyard.store.resources import Store

ACCOUNT = "123456789012"
DEFAULT_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/modelyard-execution"


class Clock:
    """Tells the time that it is given."""

    def __init__(self) -> None:
        self.moment = get_current_datetime().replace(microsecond=0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class World:
    clock: Clock
    database: Database
    store: Store
    credentials: Credentials
    authenticator: Authenticator
    table: OperationTable
    known: KnownCallers
    permissions: Permissions

    def context(self, principal: Principal | None = None, account: str = "") -> Context:
        acting = principal or root_of(ACCOUNT)
        return Context(
            account=account or acting.account,
            region="us-east-1",
            principal=acting,
            request_id="r",
            source="test",
        )


def world(folder: Path) -> World:
    """Return an account as the first start makes it."""
    database = Database(f"sqlite:///{folder / 'modelyard.db'}")
    tables.metadata.create_all(database.engine)
    store = Store(database)
    ensure_default_role(store, ACCOUNT)
    credentials = establish_credentials(folder / "credentials")
    clock, schema = Clock(), Schema()
    deciding = authority(store, schema, account=ACCOUNT, folder=folder / "policies")
    table, permissions = deciding.table, deciding.permissions
    known = KnownCallers(store, credentials, account=ACCOUNT, now=clock)
    for capability in (
        IdentityOperations(store, permissions),
        PolicyOperations(permissions),
        SessionOperations(store, credentials, known.refresh, now=clock),
        RoleOperations(store, known.refresh, now=clock),
        UserOperations(store, credentials, known.refresh, now=clock),
        PeopleOperations(store, credentials, known.refresh, now=clock),
    ):
        table.add(capability)
    return World(
        clock=clock,
        database=database,
        store=store,
        credentials=credentials,
        authenticator=Authenticator(
            credentials,
            account=ACCOUNT,
            default_region="eu-west-1",
            known=lambda: known.known,
            now=clock,
        ),
        known=known,
        table=table,
        permissions=permissions,
    )


def signed(
    key_id: str,
    secret: str,
    *,
    token: str | None = None,
    service: str = "sagemaker",
    region: str = "us-east-1",
    method: str = "POST",
    url: str = "http://127.0.0.1:8080/",
    body: bytes = b"{}",
    presigned_seconds: int | None = None,
) -> tuple[RequestHead, str]:
    """Return the head of a request that botocore signed now, and its body's SHA-256."""
    keys = BotocoreCredentials(key_id, secret, token)
    request = AWSRequest(method=method, url=url, data=body)
    if presigned_seconds is None:
        SigV4Auth(keys, service, region).add_auth(request)
    else:
        SigV4QueryAuth(keys, service, region, expires=presigned_seconds).add_auth(request)
    parts = urlsplit(str(request.url))
    headers = {name.lower(): value for name, value in request.headers.items()}
    head = RequestHead(
        method=method,
        path=parts.path,
        query=parts.query,
        headers={"host": parts.netloc, **headers},
    )
    return head, hashlib.sha256(body).hexdigest()
