"""A library's own tables lie in a schema of their own, apart from ours."""

from __future__ import annotations

import os

import pytest
import sqlalchemy as sa

from modelyard.store.schemas import schema_url
from tests.store.postgres import HOW_TO_GET_IT, Cluster, programs


def test_on_sqlite_there_are_no_schemas() -> None:
    assert schema_url("sqlite:////tmp/x.db", "mlflow_1") == ""


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot name a schema"):
        schema_url("postgresql+psycopg://localhost/db", 'a"; drop schema public')


@pytest.mark.postgres
def test_what_is_made_by_way_of_the_url_lies_in_the_schema() -> None:
    folder = programs()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    with Cluster(folder) as cluster:
        database = cluster.create_database()
        for _ in range(2):  # the second time it is there
            own = sa.create_engine(schema_url(database, "mlflow_1"), poolclass=sa.NullPool)
        with own.begin() as connection:
            connection.execute(sa.text("create table experiments (id int)"))
            where = "select table_schema from information_schema.tables where table_name = :name"
            found = connection.execute(sa.text(where), {"name": "experiments"}).scalars().all()
        assert found == ["mlflow_1"]
