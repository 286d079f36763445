"""Statements of a fixed text that are compiled once, and run by the database's driver alone.

SQLAlchemy finds a statement's compiled form anew each time it is run, and puts a context, a result
and its rows around it: for a short statement five times what SQLite takes to run it. What every
call runs is prepared here, with the same types going in and coming out. On PostgreSQL, where it is
the way to the server that takes the time, SQLAlchemy runs it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

Statement = sa.Select[Any] | sa.UpdateBase
Parameters = Mapping[str, object]
_Processor = Callable[[Any], Any]


class Prepared:
    """One statement. Safe to use from any thread.

    Args:
        statement: without parts that depend on the values, such as an expanding `IN`; or one for
            each dialect, by its name. An insert's columns are those that it is first given.
    """

    def __init__(self, statement: Statement | Mapping[str, Statement]) -> None:
        self._statement = statement
        self._compiled: _Compiled | None = None

    def all(self, connection: sa.Connection, parameters: Parameters) -> Sequence[Any]:
        """Run it, and return its rows, whose columns are their attributes.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._of(connection), parameters).all()
        compiled = self._compiled or self._compile(connection, parameters)
        return compiled.rows(_run(connection, compiled.text, compiled.bound(parameters)).fetchall())

    def one_or_none(self, connection: sa.Connection, parameters: Parameters) -> Any:
        """Run it, and return its row, None if there is none.

        Raises:
            DBAPIError: as for `all`.
        """
        rows = self.all(connection, parameters)
        return rows[0] if rows else None

    def run(self, connection: sa.Connection, parameters: Parameters) -> int:
        """Run what returns no rows, and return how many it has changed.

        Raises:
            DBAPIError: as for `all`.
        """
        if connection.dialect.name != "sqlite":
            changed: int = connection.execute(self._of(connection), parameters).rowcount
            return changed
        compiled = self._compiled or self._compile(connection, parameters)
        count: int = _run(connection, compiled.text, compiled.bound(parameters)).rowcount
        return count

    def run_for_each(self, connection: sa.Connection, parameters: Sequence[Parameters]) -> None:
        """Run what returns no rows with each of some parameters; there is at least one.

        Raises:
            DBAPIError: as for `all`.
        """
        if connection.dialect.name != "sqlite":
            connection.execute(self._of(connection), parameters)
            return
        compiled = self._compiled or self._compile(connection, parameters[0])
        bound = [compiled.bound(each) for each in parameters]
        _run(connection, compiled.text, bound, many=True)

    def _of(self, connection: sa.Connection) -> Statement:
        found = self._statement
        return found[connection.dialect.name] if isinstance(found, Mapping) else found

    def _compile(self, connection: sa.Connection, parameters: Parameters) -> _Compiled:
        made = _Compiled.of(self._of(connection), connection.dialect, list(parameters))
        self._compiled = made
        return made


@dataclass(frozen=True, kw_only=True)
class _Compiled:
    text: str
    names: Sequence[str]  # of each place
    fixed: Mapping[str, Any]  # values that are not given
    binds: Sequence[tuple[int, _Processor]]  # of the places whose values are not the driver's yet
    row: Callable[[Any], Any]
    results: Sequence[tuple[int, _Processor]]  # of the columns that do not stay as they are

    @classmethod
    def of(cls, statement: Statement, dialect: sa.Dialect, names: Sequence[str]) -> _Compiled:
        is_insert = isinstance(statement, sa.Insert)
        compiled: Any = statement.compile(dialect=dialect, column_keys=names if is_insert else None)
        binds = {name: compiled.binds[name] for name in compiled.positiontup}
        processors = {name: _bind_processor(bind.type, dialect) for name, bind in binds.items()}
        columns = list(statement.exported_columns)
        row: Any = namedtuple("Row", [column.name for column in columns])  # type: ignore[misc]
        results = [column.type.result_processor(dialect, None) for column in columns]
        return cls(
            text=compiled.string,
            names=list(compiled.positiontup),
            fixed={name: bind.value for name, bind in binds.items() if bind.value is not None},
            binds=[
                (place, each)
                for place, name in enumerate(compiled.positiontup)
                if (each := processors[name]) is not None
            ],
            row=row._make,
            results=[(place, each) for place, each in enumerate(results) if each is not None],
        )

    def bound(self, parameters: Parameters) -> list[Any]:
        given = {**self.fixed, **parameters} if self.fixed else parameters
        values = list(map(given.get, self.names))
        for place, processor in self.binds:
            values[place] = processor(values[place])
        return values

    def rows(self, found: Sequence[Sequence[Any]]) -> Sequence[Any]:
        made = []
        for row in found:
            values = list(row)
            for place, processor in self.results:
                values[place] = processor(values[place])
            made.append(self.row(values))
        return made


def _run(connection: sa.Connection, text: str, bound: list[Any], *, many: bool = False) -> Any:
    driver: Any = connection.connection.driver_connection
    try:
        return driver.executemany(text, bound) if many else driver.execute(text, bound)
    except Exception as error:
        dialect = connection.dialect
        raise DBAPIError.instance(
            text, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        ) from error


def _bind_processor(type_: Any, dialect: sa.Dialect) -> _Processor | None:
    found: _Processor | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return found
