"""What can be asked of keys themselves: create, describe, list, change, end."""

from __future__ import annotations

from datetime import timedelta

import structlog

from modelyard import clock
from modelyard.identity.iam_documents import DocumentError, parse
from modelyard.keys.access import KeyAccess, require_policy
from modelyard.keys.description import described
from modelyard.keys.errors import (
    InvalidKeyState,
    InvalidMarker,
    KeyNotFound,
    MalformedPolicy,
    UnsupportedOperation,
)
from modelyard.keys.ring import DISABLED, ENABLED, KIND, PENDING, KeyRing, is_managed
from modelyard.keys.tags import tags_of
from modelyard.keys.targets import key_in
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.errors import BadPageToken
from modelyard.store.key_material import material_of
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot

DEFAULT_WINDOW_DAYS = 30
_PAGE = 100
_POLICY_NAME = "default"
_OFFERED = {
    "KeySpec": "SYMMETRIC_DEFAULT",
    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "Origin": "AWS_KMS",
}

log = structlog.get_logger(__name__)


class KeyOperations:
    """Keys as resources."""

    def __init__(self, ring: KeyRing, access: KeyAccess) -> None:
        self._ring = ring
        self._store = ring.store
        self._access = access

    @operation("kms", "CreateKey", on=every("key", service="kms"))
    def create_key(self, context: Context, request: Request) -> Response:
        wrong = [
            f"{member} {request[member]} is not offered: leave it out, or use {offered}"
            for member, offered in _OFFERED.items()
            if request.get(member, offered) != offered
        ]
        wrong += [
            f"{member} is not offered: leave it out"
            for member in ("CustomKeyStoreId", "XksKeyId", "MultiRegion")
            if request.get(member)
        ]
        if wrong:
            raise UnsupportedOperation("; ".join(wrong))
        policy = request.get("Policy")
        if policy is not None:
            _check_policy(policy)
        with self._store.write() as transaction:
            key = self._ring.create(
                transaction,
                scope_of(context),
                description=request.get("Description", ""),
                policy=policy,
                tags=tags_of(request),
            )
            if policy is not None and not request.get("BypassPolicyLockoutSafetyCheck"):
                _check_no_lockout(context, key)
            return {"KeyMetadata": _metadata(transaction, key)}

    @operation("kms", "DescribeKey", on=key_in("KeyId"))
    def describe_key(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            key = self._allowed(snapshot, context, "kms:DescribeKey", request["KeyId"])
            return {"KeyMetadata": _metadata(snapshot, key)}

    @operation("kms", "ListKeys", on=every("key", service="kms"))
    def list_keys(self, context: Context, request: Request) -> Response:
        listing = Listing(limit=request.get("Limit", _PAGE), token=request.get("Marker"))
        with self._store.read() as snapshot:
            try:
                page = snapshot.list(scope_of(context), KIND, listing)
            except BadPageToken as error:
                raise InvalidMarker from error
        return {
            "Keys": [{"KeyId": key.name, "KeyArn": key.arn} for key in page.items],
            "Truncated": page.token is not None,
            "NextMarker": page.token,
        }

    @operation("kms", "EnableKey", on=key_in("KeyId"))
    def enable_key(self, context: Context, request: Request) -> Response:
        return self._switch(context, "kms:EnableKey", request["KeyId"], ENABLED)

    @operation("kms", "DisableKey", on=key_in("KeyId"))
    def disable_key(self, context: Context, request: Request) -> Response:
        return self._switch(context, "kms:DisableKey", request["KeyId"], DISABLED)

    @operation("kms", "UpdateKeyDescription", on=key_in("KeyId"))
    def update_key_description(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            key = self._own(transaction, context, "kms:UpdateKeyDescription", request["KeyId"])
            _require_not_pending(key)
            transaction.update(key, spec={**key.spec, "Description": request["Description"]})
        return {}

    @operation("kms", "ScheduleKeyDeletion", on=key_in("KeyId"))
    def schedule_key_deletion(self, context: Context, request: Request) -> Response:
        days = request.get("PendingWindowInDays", DEFAULT_WINDOW_DAYS)
        if not 7 <= days <= 30:
            raise UnsupportedOperation(
                f"PendingWindowInDays {days} is not offered: use 7 to 30 days, in which "
                "CancelKeyDeletion can save what is encrypted under the key"
            )
        moment = clock.now() + timedelta(days=days)
        with self._store.write() as transaction:
            key = self._own(transaction, context, "kms:ScheduleKeyDeletion", request["KeyId"])
            _require_not_pending(key)
            transaction.update(
                key, status=PENDING, observed={"deletion_at": clock.to_micros(moment)}
            )
        log.warning(
            "a key will be destroyed: everything under it will be unreadable for ever",
            key=key.arn,
            at=moment.isoformat(),
            remedy="kms CancelKeyDeletion",
        )
        return {
            "KeyId": key.arn,
            "DeletionDate": moment,
            "KeyState": PENDING,
            "PendingWindowInDays": days,
        }

    @operation("kms", "CancelKeyDeletion", on=key_in("KeyId"))
    def cancel_key_deletion(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            key = self._own(transaction, context, "kms:CancelKeyDeletion", request["KeyId"])
            if key.status != PENDING:
                raise InvalidKeyState(f"{key.arn} is not pending deletion.")
            # As the service does it: who wants to use the key again enables it.
            transaction.update(key, status=DISABLED, observed={"deletion_at": None})
        return {"KeyId": key.arn}

    @operation("kms", "GetKeyPolicy", on=key_in("KeyId"))
    def get_key_policy(self, context: Context, request: Request) -> Response:
        _check_policy_name(request)
        with self._store.read() as snapshot:
            key = self._own(snapshot, context, "kms:GetKeyPolicy", request["KeyId"])
        return {"Policy": key.spec["Policy"], "PolicyName": _POLICY_NAME}

    @operation("kms", "ListKeyPolicies", on=key_in("KeyId"))
    def list_key_policies(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            self._own(snapshot, context, "kms:ListKeyPolicies", request["KeyId"])
        return {"PolicyNames": [_POLICY_NAME], "Truncated": False}

    @operation("kms", "PutKeyPolicy", on=key_in("KeyId"))
    def put_key_policy(self, context: Context, request: Request) -> Response:
        _check_policy_name(request)
        _check_policy(request["Policy"])
        with self._store.write() as transaction:
            key = self._own(transaction, context, "kms:PutKeyPolicy", request["KeyId"])
            _require_customers(key)
            changed = transaction.update(key, spec={**key.spec, "Policy": request["Policy"]})
            if not request.get("BypassPolicyLockoutSafetyCheck"):
                _check_no_lockout(context, changed)
        return {}

    def _switch(self, context: Context, action: str, text: str, status: str) -> Response:
        with self._store.write() as transaction:
            key = self._own(transaction, context, action, text)
            _require_customers(key)
            _require_not_pending(key)
            if key.status != status:
                transaction.update(key, status=status)
        return {}

    def _allowed(self, snapshot: Snapshot, context: Context, action: str, text: str) -> Resource:
        key = self._ring.find(snapshot, scope_of(context), text)
        self._access.require(context, action, key)
        return key

    def _own(self, snapshot: Snapshot, context: Context, action: str, text: str) -> Resource:
        """Return a key of the caller's account, which alone rules it."""
        key = self._allowed(snapshot, context, action, text)
        if key.scope.account != context.account:
            raise KeyNotFound(f"Key {text!r} belongs to another account, which alone rules it")
        return key


def _metadata(snapshot: Snapshot, key: Resource) -> dict[str, object]:
    return described(key, material_of(snapshot, key.arn, None))


def _require_not_pending(key: Resource) -> None:
    _require_customers(key)
    if key.status == PENDING:
        raise InvalidKeyState(f"{key.arn} is pending deletion.")


def _require_customers(key: Resource) -> None:
    if is_managed(key):
        raise UnsupportedOperation(
            f"{key.arn} is the account's own key for its objects: it cannot be changed"
        )


def _check_policy_name(request: Request) -> None:
    if request.get("PolicyName", _POLICY_NAME) != _POLICY_NAME:
        raise KeyNotFound(f"No such policy exists: a key has one, called {_POLICY_NAME!r}")


def _check_policy(text: str) -> None:
    try:
        parse(text)
    except DocumentError as error:
        raise MalformedPolicy("; ".join(error.problems)) from error


def _check_no_lockout(context: Context, key: Resource) -> None:
    try:
        require_policy(context, "kms:PutKeyPolicy", key)
    except Exception as error:
        raise MalformedPolicy(
            "The new key policy will not allow you to update the key policy in the future: allow "
            "yourself kms:PutKeyPolicy, or give BypassPolicyLockoutSafetyCheck"
        ) from error
