"""What can be asked of aliases: names for keys, which may come to mean another key."""

from __future__ import annotations

import re

from modelyard.keys.access import KeyAccess
from modelyard.keys.errors import (
    AliasExists,
    InvalidAliasName,
    InvalidKeyState,
    InvalidMarker,
    KeyNotFound,
)
from modelyard.keys.ring import ALIAS_KIND, PENDING, KeyRing
from modelyard.keys.targets import key_in
from modelyard.operations.context import Context
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.errors import AlreadyExists, BadPageToken
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot

_NAME = re.compile(r"alias/[A-Za-z0-9/_-]+")
_RESERVED = "alias/aws/"
_PAGE = 50


class AliasOperations:
    """CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

    Whoever changes what an alias means needs leave on the alias, and on the keys.
    """

    def __init__(self, ring: KeyRing, access: KeyAccess) -> None:
        self._ring = ring
        self._store = ring.store
        self._access = access

    @operation("kms", "CreateAlias", on=key_in("AliasName"))
    def create_alias(self, context: Context, request: Request) -> Response:
        name = _checked(request["AliasName"])
        with self._store.write() as transaction:
            key = self._key(transaction, context, "kms:CreateAlias", request["TargetKeyId"])
            try:
                self._ring.create_alias(transaction, scope_of(context), name, key)
            except AlreadyExists as error:
                raise AliasExists(f"An alias with the name {name} already exists") from error
        return {}

    @operation("kms", "UpdateAlias", on=key_in("AliasName"))
    def update_alias(self, context: Context, request: Request) -> Response:
        name = _checked(request["AliasName"])
        with self._store.write() as transaction:
            alias = _find(transaction, context, name)
            former = self._ring.find(transaction, alias.scope, alias.spec["TargetKeyId"])
            self._access.require(context, "kms:UpdateAlias", former)
            key = self._key(transaction, context, "kms:UpdateAlias", request["TargetKeyId"])
            transaction.update(alias, spec={"TargetKeyId": key.name})
        return {}

    @operation("kms", "DeleteAlias", on=key_in("AliasName"))
    def delete_alias(self, context: Context, request: Request) -> Response:
        with self._store.write() as transaction:
            alias = _find(transaction, context, _checked(request["AliasName"]))
            key = self._ring.find(transaction, alias.scope, alias.spec["TargetKeyId"])
            self._access.require(context, "kms:DeleteAlias", key)
            transaction.delete(alias)
        return {}

    @operation("kms", "ListAliases", on=every("alias", service="kms"))
    def list_aliases(self, context: Context, request: Request) -> Response:
        limit = request.get("Limit", _PAGE)
        token = request.get("Marker")
        found: list[Resource] = []
        with self._store.read() as snapshot:
            wanted = None
            if "KeyId" in request:
                wanted = self._ring.find(snapshot, scope_of(context), request["KeyId"]).name
            while len(found) < limit:
                listing = Listing(limit=limit - len(found), token=token, sort_by="Name")
                try:
                    page = snapshot.list(scope_of(context), ALIAS_KIND, listing)
                except BadPageToken as error:
                    raise InvalidMarker from error
                found += [a for a in page.items if wanted in (None, a.spec["TargetKeyId"])]
                token = page.token
                if token is None:
                    break
        return {
            "Aliases": [
                {
                    "AliasName": alias.name,
                    "AliasArn": alias.arn,
                    "TargetKeyId": alias.spec["TargetKeyId"],
                    "CreationDate": alias.created_at,
                    "LastUpdatedDate": alias.modified_at,
                }
                for alias in found
            ],
            "Truncated": token is not None,
            "NextMarker": token,
        }

    def _key(self, snapshot: Snapshot, context: Context, action: str, text: str) -> Resource:
        key = self._ring.find(snapshot, scope_of(context), text)
        if key.scope != scope_of(context):
            raise KeyNotFound(f"Key {text!r} is of another account or region than its alias")
        self._access.require(context, action, key)
        if key.status == PENDING:
            raise InvalidKeyState(f"{key.arn} is pending deletion.")
        return key


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidAliasName(
            f"{name!r} cannot name an alias: it begins with alias/ and has letters, digits, _ - /"
        )
    if name.startswith(_RESERVED):
        raise InvalidAliasName(f"{name!r} cannot be changed: {_RESERVED} is for the service's own")
    return name


def _find(snapshot: Snapshot, context: Context, name: str) -> Resource:
    alias = snapshot.find(scope_of(context), ALIAS_KIND, name)
    if alias is None:
        raise KeyNotFound(f"Alias {name!r} is not found")
    return alias
