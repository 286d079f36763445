"""A key ring with its operations, behind a table whose policy a test can change."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from modelyard.identity.principals import root_of, session_of
from modelyard.keys.access import KeyAccess
from modelyard.keys.alias_operations import AliasOperations
from modelyard.keys.crypto_operations import CryptoOperations
from modelyard.keys.key_operations import KeyOperations
from modelyard.keys.master import MasterKey
from modelyard.keys.ring import KeyRing
from modelyard.keys.rotation_operations import RotationOperations
from modelyard.keys.service import KeyService
from modelyard.keys.tags import KeyTagOperations
from modelyard.operations.context import Context, Principal
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.store.database import Database
from modelyard.store.resources import Store
from tests.policies import Denying

ACCOUNT, OTHER = "123456789012", "234567890123"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/trainer"
SCHEMA = Schema()


def context(principal: Principal, region: str = REGION) -> Context:
    """Return a call of a principal in its own account."""
    return Context(
        account=principal.account,
        region=region,
        principal=principal,
        request_id="r",
        source="test",
    )


ROOT = context(root_of(ACCOUNT))
STRANGER = context(root_of(OTHER))
SESSION = context(session_of(ROLE, "job"))


class World:
    """The room, as the wire sees it."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.database = Database(url or f"sqlite:///{folder}/db")
        self.database.migrate()
        self.store = Store(self.database)
        self.policy = Denying()
        self.table = OperationTable(SCHEMA, self.policy)
        self.ring = KeyRing(self.store, MasterKey(b"m" * 32))
        access = KeyAccess(self.table.decide)
        for capability in (
            KeyOperations(self.ring, access),
            KeyTagOperations(self.ring, access),
            AliasOperations(self.ring, access),
            RotationOperations(self.ring, access),
            CryptoOperations(self.ring, access),
        ):
            self.table.add(capability)
        self.service = KeyService(self.ring, self.table.guard, self.table.decide, region=REGION)

    def call(self, name: str, caller: Context = ROOT, **request: Any) -> dict[str, Any]:
        """Call an operation; bytes go as the wire has them."""
        sent = {
            member: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for member, value in request.items()
        }
        return self.table.call(caller, "kms", name, sent)

    def key(self, caller: Context = ROOT, **request: Any) -> str:
        """Create a key and return its ARN."""
        arn: str = self.call("CreateKey", caller, **request)["KeyMetadata"]["Arn"]
        return arn
