from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from modelyard.store import migrations, tables
from modelyard.store.database import Database
from modelyard.store.errors import DatabaseUnusable
from modelyard.store.migrations.comparison import ours
from modelyard.store.resources import Store
from tests.store.contract import created, names
from tests.store.postgres import Cluster

ADD_A_COLUMN = """
import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{before}"


def upgrade() -> None:
    with op.batch_alter_table("resources", recreate="auto") as batch:
        batch.add_column(sa.Column("colour", sa.Text, nullable=False, server_default="blue"))
        batch.alter_column("status", existing_type=sa.String(64), type_=sa.String(65))
    {after}
"""


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.dispose()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release with one more revision than this one has."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = migrations.revisions()[-1]
    script = folder / "versions" / "v9001_add_a_column.py"
    script.write_text(ADD_A_COLUMN.format(before=before, after=""))
    monkeypatch.setattr(migrations, "FOLDER", folder)
    return script


def upgrade(database: Database, revision: str) -> None:
    """Run alembic itself, from whatever is there."""
    from alembic import command

    database.create_file()
    with database.alter() as connection:
        command.upgrade(migrations.alembic_config(connection), revision)


def revision_of(database: Database) -> str | None:
    with database.read() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def description(database: Database) -> list[tuple[Any, ...]]:
    """Return all that the database itself says of its tables, constraints and indexes."""
    if database.is_sqlite:
        queries = ["SELECT type, name, tbl_name, sql FROM sqlite_master"]
    else:
        queries = [
            "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, "
            "data_type, character_maximum_length, collation_name, is_identity "
            "FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), "
            "(SELECT prosrc FROM pg_proc WHERE pg_proc.oid = tgfoid) "
            "FROM pg_trigger WHERE NOT tgisinternal",
        ]
    with database.read() as connection:
        rows = [tuple(row) for query in queries for row in connection.exec_driver_sql(query)]
    return sorted(tuple(" ".join(str(cell).split()) for cell in row) for row in rows)


def test_the_sum_of_the_migrations_is_the_schema(empty: Database) -> None:
    upgrade(empty, "head")
    by_scripts = description(empty)
    with empty.alter() as connection:
        tables.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    empty.migrate()
    assert description(empty) == by_scripts


def test_alembic_finds_no_difference_beside_the_workflow_engines_tables(empty: Database) -> None:
    upgrade(empty, "head")
    with empty.write() as connection:
        connection.exec_driver_sql("CREATE TABLE workflow_status (id INTEGER PRIMARY KEY)")
    with empty.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": ours}
        )
        assert compare_metadata(context, tables.metadata) == []


def test_the_revisions_are_one_line_and_the_last_is_alembics_head() -> None:
    script = ScriptDirectory(str(migrations.FOLDER))
    assert script.get_heads() == [migrations.revisions()[-1]]
    assert [item.revision for item in script.walk_revisions()] == migrations.revisions()[::-1]


def test_a_start_imports_no_alembic(empty_url: str) -> None:
    program = (
        "import sys; from modelyard.store.database import Database; "
        "Database(sys.argv[1]).migrate(); print('alembic' in sys.modules)"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program, empty_url], capture_output=True, text=True, check=True
        )
        assert done.stdout == "False\n"


@pytest.mark.parametrize("revision", migrations.revisions())
def test_each_revision_upgrades_with_its_data(empty: Database, revision: str) -> None:
    upgrade(empty, revision)
    rows = _fill(empty)
    empty.migrate()
    assert revision_of(empty) == migrations.revisions()[-1]
    with empty.read() as connection:
        for name, row in rows.items():
            table = sa.Table(name, sa.MetaData(), autoload_with=connection)
            kept = dict(connection.execute(sa.select(table)).mappings().one())
            shared = {column: value for column, value in row.items() if column in kept}
            assert {column: kept[column] for column in shared} == shared


def test_a_table_is_replaced_without_losing_what_refers_to_it(
    empty: Database, request: pytest.FixtureRequest
) -> None:
    empty.migrate()
    (resource,) = created(Store(empty), "a", tags={"k": "v"})
    request.getfixturevalue("later")
    empty.migrate()
    assert revision_of(empty) == "9001"
    with Store(empty).read() as snapshot:
        assert snapshot.get_by_arn(resource.arn) == resource
        assert snapshot.tags(resource) == {"k": "v"}
    with empty.read() as connection:
        assert connection.scalar(sa.text("SELECT colour FROM resources")) == "blue"
    with Store(empty).write() as transaction:
        transaction.delete(resource)
    with empty.read() as connection:  # foreign keys work as before
        assert connection.scalar(sa.text("SELECT count(*) FROM tags")) == 0


def test_a_migration_that_fails_changes_nothing(
    empty: Database, request: pytest.FixtureRequest
) -> None:
    empty.migrate()
    created(Store(empty), "a", tags={"k": "v"})
    before = description(empty)
    script: Path = request.getfixturevalue("later")
    script.write_text(script.read_text().rstrip() + "\n    raise RuntimeError('half-way')\n")
    with pytest.raises(RuntimeError, match="half-way"):
        empty.migrate()
    assert description(empty) == before
    assert names(Store(empty)) == ["a"]


def test_a_migration_that_leaves_rows_without_what_they_refer_to_changes_nothing(
    empty: Database, request: pytest.FixtureRequest
) -> None:
    empty.migrate()
    (resource,) = created(Store(empty), "a", tags={"k": "v"})
    script: Path = request.getfixturevalue("later")
    script.write_text(script.read_text().rstrip() + "\n    op.execute('DELETE FROM resources')\n")
    if not empty.is_sqlite:
        empty.migrate()  # PostgreSQL looks at each statement, and takes the tags along
        return
    with pytest.raises(DatabaseUnusable, match="rows refer to rows that are not there"):
        empty.migrate()
    with Store(empty).read() as snapshot:
        assert snapshot.tags(resource) == {"k": "v"}


def test_a_database_of_a_newer_release_is_refused(empty: Database, later: Path) -> None:
    empty.migrate()
    later.unlink()
    with pytest.raises(
        DatabaseUnusable, match=r"at revision 9001, and Modelyard .* newer release has used it"
    ):
        empty.migrate()
    assert revision_of(empty) == "9001"


def test_tables_without_a_revision_are_not_touched(empty: Database) -> None:
    with empty.write() as connection:
        connection.exec_driver_sql("CREATE TABLE resources (id INTEGER)")
    with pytest.raises(DatabaseUnusable, match="not Modelyard's"):
        empty.migrate()


@pytest.mark.parametrize("state", ["empty", "old"])
def test_servers_that_start_at_once_migrate_once(
    empty_url: str, state: str, request: pytest.FixtureRequest
) -> None:
    if state == "old":
        first = Database(empty_url)
        first.migrate()
        first.dispose()
        request.getfixturevalue("later")
    errors: list[Exception] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        database = Database(empty_url)
        barrier.wait()
        try:
            database.migrate()
            assert revision_of(database) == migrations.revisions()[-1]
        except Exception as error:
            errors.append(error)
        database.dispose()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.postgres
def test_a_postgresql_database_of_another_encoding_is_refused(cluster: Cluster) -> None:
    options = "ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    database = Database(cluster.create_database(options=options))
    with pytest.raises(DatabaseUnusable, match="encoded in LATIN1"):
        database.migrate()
    database.dispose()


def _fill(database: Database) -> dict[str, dict[str, Any]]:
    """Put one row into every table, whatever its columns are at this revision."""
    rows = {}
    with database.alter() as connection:
        found = sa.MetaData()
        found.reflect(connection, only=lambda name, _: name != "alembic_version")
        for table in found.sorted_tables:
            row = {column.name: _sample(column) for column in table.columns}
            connection.execute(sa.insert(table).values(row))
            rows[table.name] = row
    return rows


def _sample(column: sa.Column[Any]) -> Any:
    match column.type:
        case sa.Boolean():
            return True
        case sa.JSON():
            return {"k": [1, None]}
        case sa.Integer():
            return 1  # also every id and what refers to it
        case sa.Float():
            return 0.5
        case _:
            return "1"
