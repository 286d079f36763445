"""Schemas of PostgreSQL for a library's own tables, beside and apart from ours."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema

from modelyard.store.failures import explained

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def schema_url(database_url: str, name: str) -> str:
    """Return the URL of a schema of our database, made if it is not there; "" on SQLite. Blocking.

    Args:
        name: lower-case letters, digits and underscores.

    Raises:
        StoreError: the database cannot be reached, or lets us make none.
    """
    url = sa.make_url(database_url)
    if url.get_backend_name() != "postgresql":
        return ""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot name a schema")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(CreateSchema(name, if_not_exists=True))
    except DBAPIError as error:
        raise explained(error) or error from error
    finally:
        engine.dispose()
    own = url.update_query_dict({"options": f"-csearch_path={name}"})
    return own.render_as_string(hide_password=False)
