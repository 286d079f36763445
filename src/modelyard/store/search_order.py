"""The order of a search's results: by a field, or by creation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.search import AllOf, Condition, Criterion, Last, Search
from modelyard.store.search_conditions import FIRST_ITEMS, Clause, Conditions

_VALUES = tables.search_values.c


class Order:
    """What comes first, and what is behind a page's last."""

    def __init__(self, connection: sa.Connection, conditions: Conditions, asked: Search) -> None:
        self._connection = connection
        self._conditions = conditions
        self._asked = asked
        self._by_number: bool | None = None

    def is_sorted(self) -> bool:
        """Return whether it is by a field."""
        return self._asked.sort_by is not None

    def path_id(self) -> int | None:
        """Return the id of the field; None: by creation, or no resource ever had it."""
        return (
            None if self._asked.sort_by is None else self._conditions.path_id(self._asked.sort_by)
        )

    def sort_column(self, path_id: int, columns: Any = None) -> sa.ColumnElement[Any]:
        """Return by what a field is sorted: as numbers if its first and last text are ones."""
        if self._by_number is None:
            ends = [
                self._connection.execute(
                    sa.select(_VALUES.number)
                    .where(_VALUES.path_id == path_id)
                    .order_by(order)
                    .limit(1)
                ).scalar_one_or_none()
                for order in (_VALUES.text, _VALUES.text.desc())
            ]
            self._by_number = None not in ends
        columns = columns or _VALUES
        found: sa.ColumnElement[Any] = columns.number if self._by_number else columns.text
        return found

    def lacks(self, resource_id: int, keys: dict[int, str | float]) -> bool:
        """Return whether a resource lacks the field, `keys` being those that were found."""
        return self._asked.sort_by is not None and resource_id not in keys

    def is_behind(self, one: Last, last: Last) -> bool:
        """Return whether a resource comes behind a page's last."""
        if one.lacking != last.lacking:
            return one.lacking
        if self._asked.descending:
            return place_of(one) < place_of(last)
        return place_of(one) > place_of(last)

    def keys(self, ids: Sequence[int]) -> dict[int, str | float]:
        """Return by what a few resources are sorted; those that lack it are left out."""
        path_id = self.path_id()
        if path_id is None or not ids:
            return {}
        key = self.sort_column(path_id)
        rows = self._connection.execute(
            sa.select(_VALUES.resource_id, key).where(
                (_VALUES.path_id == path_id)
                & _VALUES.resource_id.in_(ids)
                & _VALUES.item.in_(FIRST_ITEMS)
            )
        )
        # Asked here, and not there: SQLite would read all numbers of the field for it.
        return {row[0]: row[1] for row in rows if row[1] is not None}

    def in_order(self, path_id: int, last: Last | None) -> sa.Select[int]:
        """Return the query of the resources with a field, by its value, from behind `last` on."""
        key = self.sort_column(path_id)
        down = self._asked.descending
        where: list[Clause] = [
            _VALUES.path_id == path_id,
            key.is_not(None),
            _VALUES.item.in_(FIRST_ITEMS),
        ]
        # What is asked of the very field is asked of the row, where it is the field's only one.
        for each in self._asked_of_itself():
            clause = self._conditions.leading(each, _VALUES)
            if clause is not None:
                where.append(clause)
        if last is not None and last.key is not None:
            place = sa.tuple_(key, _VALUES.resource_id)
            bound = sa.tuple_(
                sa.literal(last.key, key.type), sa.literal(last.resource_id, sa.BigInteger())
            )
            where.append(place < bound if down else place > bound)
        order = [key, _VALUES.resource_id]
        return (
            sa.select(_VALUES.resource_id)
            .where(*where)
            .order_by(*(column.desc() if down else column for column in order))
        )

    def _asked_of_itself(self) -> Sequence[Criterion]:
        """Return what every value of the field that is sorted by must be; it has one each."""
        path = self._asked.sort_by
        found = [
            each
            for each in conjuncts(self._asked.condition)
            if isinstance(each, Criterion) and each.path == path and each.operator != "missing"
        ]
        return found if path and found and self._conditions.has_one_each(path) else []

    def has(self, path_id: int, columns: Any) -> Clause:
        """Return the clause of the row by which a resource with a field is sorted."""
        found: Clause = (
            (columns.path_id == path_id)
            & columns.item.in_(FIRST_ITEMS)
            & self.sort_column(path_id, columns).is_not(None)
        )
        return found


def conjuncts(condition: Condition) -> Sequence[Condition]:
    """Return conditions that must all hold, none of which is several such."""
    if not isinstance(condition, AllOf):
        return (condition,)
    return tuple(one for each in condition.conditions for one in conjuncts(each))


def place_of(one: Last) -> tuple[Any, ...]:
    """Return what a resource is compared by."""
    return (one.resource_id,) if one.key is None else (one.key, one.resource_id)
