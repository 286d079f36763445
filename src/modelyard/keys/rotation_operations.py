"""What can be asked of rotation: new material for a key, now or every year."""

from __future__ import annotations

from modelyard import clock
from modelyard.keys.access import KeyAccess
from modelyard.keys.description import material_id
from modelyard.keys.errors import InvalidMarker, LimitExceeded, UnsupportedOperation
from modelyard.keys.ring import (
    DEFAULT_ROTATION_DAYS,
    KeyRing,
    is_managed,
    next_rotation,
    require_usable,
)
from modelyard.keys.targets import key_in
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.store.key_material import materials_of
from modelyard.store.resources import Resource, Snapshot

#: How often a key may be rotated on demand; each leaves a version that is kept for ever.
MAX_ON_DEMAND = 25
_PAGE = 100


class RotationOperations:
    """Rotation, by hand and by the calendar (`keeper`)."""

    def __init__(self, ring: KeyRing, access: KeyAccess) -> None:
        self._ring = ring
        self._store = ring.store
        self._access = access

    @operation("kms", "EnableKeyRotation", on=key_in("KeyId"))
    def enable_key_rotation(self, context: Context, request: Request) -> Response:
        days = request.get("RotationPeriodInDays", DEFAULT_ROTATION_DAYS)
        with self._store.write() as transaction:
            key = self._changeable(transaction, context, "kms:EnableKeyRotation", request)
            due = next_rotation(clock.now(), days)
            rotation = {"enabled": True, "period_days": days, "next_at": due}
            transaction.update(key, observed={"rotation": rotation})
        return {}

    @operation("kms", "DisableKeyRotation", on=key_in("KeyId"))
    def disable_key_rotation(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            key = self._changeable(transaction, context, "kms:DisableKeyRotation", request)
            transaction.update(key, observed={"rotation": {"enabled": False}})
        return {}

    @operation("kms", "GetKeyRotationStatus", on=key_in("KeyId"))
    def get_key_rotation_status(self, context: Context, request: Request) -> Response:
        with self._store.read() as snapshot:
            key = self._key(snapshot, context, "kms:GetKeyRotationStatus", request["KeyId"])
        rotation = key.observed["rotation"]
        answer: Response = {"KeyId": key.arn, "KeyRotationEnabled": rotation["enabled"]}
        if rotation["enabled"]:
            answer["RotationPeriodInDays"] = rotation["period_days"]
            answer["NextRotationDate"] = clock.from_micros(rotation["next_at"])
        return answer

    @operation("kms", "RotateKeyOnDemand", on=key_in("KeyId"))
    def rotate_key_on_demand(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            key = self._changeable(transaction, context, "kms:RotateKeyOnDemand", request)
            made = [m for m in materials_of(transaction, key.arn) if m.origin == "ON_DEMAND"]
            if len(made) >= MAX_ON_DEMAND:
                raise LimitExceeded(
                    f"{key.arn} was rotated on demand {len(made)} times, and no key may more often"
                )
            self._ring.rotate(transaction, key, origin="ON_DEMAND")
        return {"KeyId": key.arn}

    @operation("kms", "ListKeyRotations", on=key_in("KeyId"))
    def list_key_rotations(self, context: Context, request: Request) -> Response:
        limit, after = request.get("Limit", _PAGE), _after(request.get("Marker"))
        with self._store.read() as snapshot:
            key = self._key(snapshot, context, "kms:ListKeyRotations", request["KeyId"])
            versions = materials_of(snapshot, key.arn)
        with_first = request.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
        wanted = [
            material
            for material in versions
            if material.version > after and (with_first or material.origin != "INITIAL")
        ]
        newest = versions[-1].version
        rotations = []
        for material in wanted[:limit]:
            entry: Response = {
                "KeyId": key.arn,
                "KeyMaterialId": material_id(key, material.version),
                "KeyMaterialState": "CURRENT" if material.version == newest else "NON_CURRENT",
            }
            if material.origin != "INITIAL":
                entry["RotationDate"] = material.created_at
                entry["RotationType"] = material.origin
            rotations.append(entry)
        answer: Response = {"Rotations": rotations, "Truncated": len(wanted) > limit}
        if len(wanted) > limit:
            answer["NextMarker"] = str(wanted[limit - 1].version)
        return answer

    def _key(self, snapshot: Snapshot, context: Context, action: str, text: str) -> Resource:
        key = self._ring.find(snapshot, scope_of(context), text)
        self._access.require(context, action, key)
        return key

    def _changeable(
        self, snapshot: Snapshot, context: Context, action: str, request: Request
    ) -> Resource:
        key = self._key(snapshot, context, action, request["KeyId"])
        if is_managed(key):
            raise UnsupportedOperation(
                f"{key.arn} is the account's own key for its objects: it cannot be changed"
            )
        require_usable(key)
        return key


def _after(marker: str | None) -> int:
    if marker is None:
        return 0
    if not (marker.isascii() and marker.isdigit() and len(marker) < 10):
        raise InvalidMarker
    return int(marker)
