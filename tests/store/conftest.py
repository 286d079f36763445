from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.database import Database
from tests.store.postgres import HOW_TO_GET_IT, Cluster, programs


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server; where its programs are missing the test is skipped, but not in CI."""
    folder = programs()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    pytest.importorskip("psycopg", reason="needs the extra `postgres`")
    with Cluster(folder) as running:
        yield running


@pytest.fixture(scope="session")
def migrated(cluster: Cluster) -> Iterator[Database]:
    database = Database(cluster.create_database())
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture
def postgres(migrated: Database) -> Database:
    """A PostgreSQL database without rows."""
    names = ", ".join(tables.metadata.tables)
    with migrated.write() as connection:
        # The audit trail refuses to be emptied; a superuser may switch triggers off.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return migrated


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database without rows."""
    database = Database(f"sqlite:///{tmp_path}/modelyard.db")
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the two databases in turn, migrated and without rows."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without a table, of each of the two in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.create_database()
