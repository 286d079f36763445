"""The material of customers' keys: sealed, in a table of its own without history.

Resources leave revisions and events behind; what a key is made of must leave nothing, since its
destruction is what makes everything under it unreadable for ever.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from modelyard import clock
from modelyard.store import tables
from modelyard.store.resources import Transaction
from modelyard.store.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class Material:
    """One version of a key's material."""

    version: int  # from 1 on, without gaps
    sealed: bytes = field(repr=False)
    origin: str  # INITIAL, AUTOMATIC or ON_DEMAND: how this version came to be
    created_at: datetime


def materials_of(snapshot: Snapshot, key_arn: str) -> Sequence[Material]:
    """Return the versions of a key's material, the newest last; none after its destruction."""
    table = tables.key_material.c
    rows = snapshot.connection.execute(
        sa.select(table.version, table.sealed, table.origin, table.created_at)
        .where(table.key_arn == key_arn)
        .order_by(table.version)
    )
    return [_material(row) for row in rows]


def material_of(snapshot: Snapshot, key_arn: str, version: int | None) -> Material | None:
    """Return one version of a key's material; the newest where `version` is None."""
    table = tables.key_material.c
    query = sa.select(table.version, table.sealed, table.origin, table.created_at).where(
        table.key_arn == key_arn
    )
    if version is not None:
        query = query.where(table.version == version)
    row = snapshot.connection.execute(query.order_by(table.version.desc()).limit(1)).one_or_none()
    return None if row is None else _material(row)


def any_material(snapshot: Snapshot) -> tuple[str, Material] | None:
    """Return the ARN of some key and one version of its material; None where there is no key."""
    table = tables.key_material.c
    row = snapshot.connection.execute(
        sa.select(table.version, table.sealed, table.origin, table.created_at, table.key_arn).limit(
            1
        )
    ).one_or_none()
    return None if row is None else (row.key_arn, _material(row))


def add_material(
    transaction: Transaction, key_arn: str, version: int, sealed: bytes, origin: str
) -> None:
    """Add a version; that a key has each version once is the database's own rule."""
    transaction.connection.execute(
        sa.insert(tables.key_material).values(
            key_arn=key_arn,
            version=version,
            sealed=base64.b64encode(sealed).decode(),
            origin=origin,
            created_at=clock.to_micros(clock.now()),
        )
    )


def destroy_material(transaction: Transaction, key_arn: str) -> None:
    """Destroy all versions of a key's material."""
    if transaction.connection.dialect.name == "sqlite":
        # What was deleted is overwritten with zeros, not left in a free page.
        transaction.connection.exec_driver_sql("PRAGMA secure_delete = ON")
    transaction.connection.execute(
        sa.delete(tables.key_material).where(tables.key_material.c.key_arn == key_arn)
    )


def _material(row: Any) -> Material:
    return Material(
        version=row.version,
        sealed=base64.b64decode(row.sealed),
        origin=row.origin,
        created_at=clock.from_micros(row.created_at),
    )
