"""The schema's history: one numbered script per change in `versions/`, run by alembic.

Importing alembic takes longer than everything else at the start, so it is imported only when there
is something for it to do. Whether there is, one row tells; and an empty database is made from
`tables.metadata` at once, which a test proves to be the sum of all scripts.

To change the schema: change `tables.py`, add `versions/v<next number>_<what it does>.py`, and let
the tests of this folder compare the two.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from modelyard import __version__
from modelyard.store import tables
from modelyard.store.errors import DatabaseUnusable

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent

#: alembic's own table, written as alembic writes it.
_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


class Database(Protocol):
    """What a migration needs of `modelyard.store.database.Database`."""

    is_sqlite: bool

    def create_file(self) -> None: ...
    def read(self) -> AbstractContextManager[sa.Connection]: ...
    def alter(self) -> AbstractContextManager[sa.Connection]: ...


def revisions() -> list[str]:
    """Return the revisions that this release knows, oldest first."""
    names = [path.stem for path in FOLDER.glob("versions/v[0-9]*.py")]
    return sorted(name[1:].partition("_")[0] for name in names)


def migrate(database: Database) -> None:
    """Bring the schema of `database` to the newest revision.

    Several servers may do so at once: one does it, and the others wait and find it done.

    Raises:
        DatabaseUnusable: a newer release has changed it, or it is not one of ours.
        StorageFull: it cannot be written.
    """
    head = revisions()[-1]
    database.create_file()
    with database.read() as connection:
        if _revision(connection) == head:
            return
    with database.alter() as connection:
        if not database.is_sqlite:
            _refuse_other_encodings(connection)
        found = _revision(connection)
        if found is None:
            _create(connection, head)
        elif found != head:
            _upgrade(connection)


def _revision(connection: sa.Connection) -> str | None:
    """Return the revision of the database, None for one without tables of ours."""
    present = sa.inspect(connection).has_table
    if not present(_version.name):
        if present(tables.resources.name):
            raise DatabaseUnusable(
                "the database has a table of resources but no revision: it is not Modelyard's, "
                "or was restored in part; restore all of it, or name an empty one"
            )
        return None
    found = connection.scalar(sa.select(_version.c.version_num))
    if found is not None and found not in revisions():
        raise DatabaseUnusable(
            f"the database is at revision {found}, and Modelyard {__version__} knows none after "
            f"{revisions()[-1]}: a newer release has used it; install that one, or restore the "
            "backup that you made before the upgrade"
        )
    return found


def _create(connection: sa.Connection, head: str) -> None:
    tables.metadata.create_all(connection)
    _version.create(connection, checkfirst=True)
    connection.execute(sa.insert(_version).values(version_num=head))


def _upgrade(connection: sa.Connection, target: str = "head") -> None:
    from alembic import command

    command.upgrade(alembic_config(connection), target)


def alembic_config(connection: sa.Connection) -> Config:
    """Return what alembic's commands need to work over an open connection."""
    from alembic.config import Config

    config = Config()
    # A percent sign begins a reference in an ini file, which this takes itself for.
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _refuse_other_encodings(connection: sa.Connection) -> None:
    encoding = connection.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"the database is encoded in {encoding}: make one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
