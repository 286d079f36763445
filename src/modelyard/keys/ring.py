"""The key ring: which key a text means, what state it is in, and what it seals and opens.

Nothing here asks whether somebody may: that is `access`. Blocking: every use looks at the database,
so a key that was disabled a moment ago opens nothing any more, in no process.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from modelyard import clock
from modelyard.arns import Arn
from modelyard.envelope.ciphertext import Ciphertext
from modelyard.keys.errors import (
    InvalidKeyArn,
    InvalidKeyState,
    KeyDisabled,
    KeyNotFound,
)
from modelyard.keys.master import MasterKey
from modelyard.keys.sealing import seal, unseal
from modelyard.store.errors import AlreadyExists, NotFound
from modelyard.store.key_material import (
    add_material,
    any_material,
    destroy_material,
    material_of,
)
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Store, Transaction

KIND = "key"
ALIAS_KIND = "key-alias"
ENABLED, DISABLED, PENDING = "Enabled", "Disabled", "PendingDeletion"
MATERIAL_BYTES = 32
DEFAULT_ROTATION_DAYS = 365

#: What an account's objects are encrypted under where nobody names a key.
MANAGED_ALIAS = "alias/aws/s3"

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class KeyRing:
    """See the module's text. Safe to use from any thread."""

    def __init__(self, store: Store, master: MasterKey) -> None:
        self.store = store
        self._master = master

    def check_master(self) -> None:
        """Return if the master key is the one that this database was written with.

        Raises:
            MasterKeyError: it is not.
        """
        with self.store.read() as snapshot:
            found = any_material(snapshot)
        if found is not None:
            self._master.open(found[1].sealed, _purpose(found[0], found[1].version))

    def create(
        self,
        transaction: Transaction,
        scope: Scope,
        *,
        description: str,
        policy: str | None,
        manager: str = "CUSTOMER",
        tags: Mapping[str, str] | None = None,
    ) -> Resource:
        """Create an enabled key with its first material.

        Args:
            policy: an IAM document as JSON; None: the account decides by its own policies.
        """
        name = str(uuid.uuid4())
        arn = str(
            Arn(service="kms", region=scope.region, account=scope.account, resource=f"key/{name}")
        )
        key = transaction.create(
            scope,
            KIND,
            name,
            arn=arn,
            spec={
                "Description": description,
                "Policy": policy or default_policy(scope.account),
            },
            status=ENABLED,
            observed={"manager": manager, "rotation": {"enabled": False}},
            tags=tags,
        )
        self._add_version(transaction, key, 1, "INITIAL")
        return key

    def find(self, snapshot: Snapshot, scope: Scope, text: str) -> Resource:
        """Return the key that a text means: its id, its ARN, an alias or the ARN of an alias.

        Args:
            scope: where ids and aliases are looked up; an ARN may lead elsewhere.

        Raises:
            KeyNotFound: there is none, or it was destroyed.
            InvalidKeyArn: an ARN of something else.
        """
        if text.startswith("arn:"):
            return self._find_by_arn(snapshot, text)
        if text.startswith("alias/"):
            return self._find_by_alias(snapshot, scope, text)
        key = snapshot.find(scope, KIND, text) if _ID.fullmatch(text) else None
        if key is None:
            raise KeyNotFound(f"Key {text!r} does not exist in {scope.account}/{scope.region}")
        return key

    def managed(self, scope: Scope) -> Resource:
        """Return an account's own key for its objects, made when it is first needed."""
        with self.store.read() as snapshot:
            alias = snapshot.find(scope, ALIAS_KIND, MANAGED_ALIAS)
            if alias is not None:
                return self.find(snapshot, scope, alias.spec["TargetKeyId"])
        try:
            with self.store.write() as transaction:
                key = self.create(
                    transaction,
                    scope,
                    description="Protects objects for which no other key is named",
                    policy=None,
                    manager="AWS",
                )
                self.create_alias(transaction, scope, MANAGED_ALIAS, key)
                return key
        except AlreadyExists:  # another process was quicker
            with self.store.read() as snapshot:
                return self._find_by_alias(snapshot, scope, MANAGED_ALIAS)

    def create_alias(
        self, transaction: Transaction, scope: Scope, name: str, key: Resource
    ) -> Resource:
        """Create an alias.

        Raises:
            AlreadyExists: there is one of that name.
        """
        arn = Arn(service="kms", region=scope.region, account=scope.account, resource=name)
        return transaction.create(
            scope,
            ALIAS_KIND,
            name,
            arn=str(arn),
            spec={"TargetKeyId": key.name},
            status="Active",
        )

    def seal(
        self, snapshot: Snapshot, key: Resource, plaintext: bytes, context: Mapping[str, str]
    ) -> Ciphertext:
        """Return `plaintext` sealed under the newest version of a key.

        Raises:
            KeyDisabled, InvalidKeyState: the key cannot be used now.
        """
        require_usable(key)
        version, material = self._material(snapshot, key, None)
        return seal(plaintext, material, key_arn=key.arn, version=version, context=context)

    def unseal(
        self, snapshot: Snapshot, key: Resource, ciphertext: Ciphertext, context: Mapping[str, str]
    ) -> bytes:
        """Return what a key sealed, with whichever version.

        Raises:
            KeyDisabled, InvalidKeyState: the key cannot be used now.
            InvalidCiphertext: it was changed, or sealed in another context.
        """
        require_usable(key)
        _, material = self._material(snapshot, key, ciphertext.key_version)
        return unseal(ciphertext, material, context)

    def rotate(
        self, transaction: Transaction, key: Resource, *, origin: str, now: datetime | None = None
    ) -> Resource:
        """Give a key new material; what older versions sealed, they still open.

        Args:
            origin: AUTOMATIC or ON_DEMAND.
        """
        version, _ = self._material(transaction, key, None)
        self._add_version(transaction, key, version + 1, origin)
        moment = now or clock.now()
        rotation = dict(key.observed["rotation"])
        if origin == "AUTOMATIC":
            rotation["next_at"] = next_rotation(moment, rotation["period_days"])
        return transaction.update(
            key, observed={"rotation": rotation, "rotated_at": clock.to_micros(moment)}
        )

    def destroy(self, transaction: Transaction, key: Resource) -> None:
        """Destroy a key, its material and its aliases: what it sealed is lost for ever."""
        destroy_material(transaction, key.arn)
        for alias in transaction.with_status(ALIAS_KIND, "Active"):
            if alias.scope == key.scope and alias.spec["TargetKeyId"] == key.name:
                transaction.delete(alias)
        transaction.delete(key)

    def _add_version(
        self, transaction: Transaction, key: Resource, version: int, origin: str
    ) -> None:
        material = os.urandom(MATERIAL_BYTES)
        sealed = self._master.seal(material, _purpose(key.arn, version))
        add_material(transaction, key.arn, version, sealed, origin)

    def _material(
        self, snapshot: Snapshot, key: Resource, version: int | None
    ) -> tuple[int, bytes]:
        found = material_of(snapshot, key.arn, version)
        if found is None:
            raise KeyNotFound(f"{key.arn} has no version {version}")
        return found.version, self._master.open(found.sealed, _purpose(key.arn, found.version))

    def _find_by_arn(self, snapshot: Snapshot, text: str) -> Resource:
        try:
            arn = Arn.parse(text)
        except ValueError as error:
            raise InvalidKeyArn(f"Invalid arn {text}") from error
        if arn.service != "kms" or arn.kind not in ("key", "alias"):
            raise InvalidKeyArn(f"Invalid arn {text}: it is not one of a key or an alias")
        if arn.kind == "alias":
            scope = Scope(account=arn.account, region=arn.region)
            return self._find_by_alias(snapshot, scope, arn.resource)
        try:
            return snapshot.get_by_arn(text)
        except NotFound as error:
            raise KeyNotFound(f"Key {text!r} does not exist") from error

    def _find_by_alias(self, snapshot: Snapshot, scope: Scope, name: str) -> Resource:
        alias = snapshot.find(scope, ALIAS_KIND, name)
        if alias is None:
            raise KeyNotFound(f"Alias {name!r} is not found in {scope.account}/{scope.region}")
        return self.find(snapshot, scope, alias.spec["TargetKeyId"])


def require_usable(key: Resource) -> None:
    """Return if a key may seal and open now.

    Raises:
        KeyDisabled, InvalidKeyState: it may not.
    """
    if key.status == DISABLED:
        raise KeyDisabled(f"{key.arn} is disabled.")
    if key.status == PENDING:
        raise InvalidKeyState(f"{key.arn} is pending deletion.")


def is_managed(key: Resource) -> bool:
    """Return whether a key is an account's own, which nobody changes or names."""
    return bool(key.observed.get("manager") == "AWS")


def default_policy(account: str) -> str:
    """Return the policy of a key that was created without one: its account decides."""
    root = str(Arn(service="iam", region="", account=account, resource="root"))
    statement: Json = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def next_rotation(moment: datetime, period_days: Any) -> int:
    """Return when a key is to be rotated next, in microseconds since 1970."""
    return clock.to_micros(moment + timedelta(days=int(period_days)))


def _purpose(key_arn: str, version: int) -> str:
    return f"version {version} of {key_arn}"
