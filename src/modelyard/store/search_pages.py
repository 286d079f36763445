"""The pages of a search, and how they are found quickly.

Whatever a condition asks, either few resources answer it, and then the index finds them all at
once; or many do, and then a page of them is soon found by walking in the order that is wanted and
looking at each. Which of the two it is, is found out by looking for up to `FEW` + 1 of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.listing import Page
from modelyard.store.search import AllOf, AnyOf, Condition, Criterion, Last, Nested, Search
from modelyard.store.search_conditions import Clause, Conditions
from modelyard.store.search_index import ALL
from modelyard.store.snapshots import Resource, Scope, Snapshot, resource_of

#: Up to how many resources are taken as few: they are found whole, and sorted.
FEW = 1000

_VALUES = tables.search_values.c
#: The cheapest to look up first.
_COST = {"eq": 0, "in": 1, "exists": 2, "lt": 3, "le": 3, "gt": 3, "ge": 3, "ne": 3, "contains": 4}


def search(snapshot: Snapshot, scope: Scope, kind: str, asked: Search) -> Page[Resource]:
    """Return one page of the resources of a searchable kind that meet a condition.

    Raises:
        BadPageToken: `asked.token` is not one that this search gave.
    """
    return _Finder(snapshot.connection, scope, kind, asked).page()


class _Finder:
    def __init__(self, connection: sa.Connection, scope: Scope, kind: str, asked: Search) -> None:
        self._connection = connection
        self._asked = asked
        self._conditions = Conditions(connection, scope, kind)

    def page(self) -> Page[Resource]:
        last = self._asked.last()
        few = self._few(self._asked.condition)
        if few is not None and not few:
            return Page(items=[], token=None)
        found = self._walked(last) if few is None else self._sorted(few, last)
        token = None
        if len(found) > self._asked.limit:
            found = found[: self._asked.limit]
            token = self._asked.token_after(found[-1])
        return Page(items=self._resources([one.resource_id for one in found]), token=token)

    def _few(self, condition: Condition) -> set[int] | None:
        """Return the ids of all that may meet `condition`, if they are few; None: they are many."""
        match condition:
            case Criterion(operator="missing"):
                return None
            case Criterion():
                return self._ids(condition)
            case AnyOf(conditions=conditions):
                together: set[int] = set()
                for each in conditions:
                    some = self._few(each)
                    if some is None or len(together | some) > FEW:
                        return None
                    together |= some
                return together
            case AllOf(conditions=conditions):
                return self._fewest(conditions)
            case Nested(criteria=criteria):
                return self._fewest(criteria)

    def _fewest(self, conditions: Sequence[Condition]) -> set[int] | None:
        for each in sorted(conditions, key=_cost):
            found = self._few(each)
            if found is not None:
                return found
        return None

    def _ids(self, criterion: Criterion) -> set[int] | None:
        clause = self._conditions.leading(criterion, _VALUES)
        if clause is None:
            return set()
        ids = self._connection.scalars(
            sa.select(_VALUES.resource_id).where(clause).limit(FEW + 1)
        ).all()
        return None if len(ids) > FEW else set(ids)

    def _sorted(self, few: set[int], last: Last | None) -> list[Last]:
        """Return the first of `few`, one more than fit on the page."""
        row_id = tables.resources.c.id
        ids = self._connection.scalars(
            sa.select(row_id).where(
                row_id.in_(few) & self._conditions.holds(self._asked.condition, row_id)
            )
        ).all()
        keys = self._keys(ids)
        down = self._asked.descending
        found = [
            Last(key=keys.get(each), resource_id=each, lacking=self._lacks(each, keys))
            for each in ids
        ]
        # Those that lack the field come last in either order.
        having = sorted((one for one in found if not one.lacking), key=_place, reverse=down)
        lacking = sorted((one for one in found if one.lacking), key=_place, reverse=down)
        found = having + lacking
        if last is not None:
            found = [one for one in found if self._is_behind(one, last)]
        return found[: self._asked.limit + 1]

    def _lacks(self, resource_id: int, keys: dict[int, str | float]) -> bool:
        return self._asked.sort_by is not None and resource_id not in keys

    def _is_behind(self, one: Last, last: Last) -> bool:
        if one.lacking != last.lacking:
            return one.lacking
        if self._asked.descending:
            return _place(one) < _place(last)
        return _place(one) > _place(last)

    def _keys(self, ids: Sequence[int]) -> dict[int, str | float]:
        path_id = self._sort_path()
        if path_id is None or not ids:
            return {}
        key = self._sort_column(path_id)
        rows = self._connection.execute(
            sa.select(_VALUES.resource_id, key).where(
                (_VALUES.path_id == path_id)
                & _VALUES.resource_id.in_(ids)
                & _VALUES.item.in_(_FIRST_ITEMS)
                & key.is_not(None)
            )
        )
        return {row[0]: row[1] for row in rows}

    def _walked(self, last: Last | None) -> list[Last]:
        """Return the next in order that meet the condition, one more than fit on the page."""
        wanted = self._asked.limit + 1
        path_id = self._sort_path()
        found: list[Last] = []
        if path_id is not None and (last is None or not last.lacking):
            found = self._walk_field(path_id, last, wanted)
        if len(found) < wanted:
            behind = last if last is not None and last.lacking == self._is_sorted() else None
            found += self._walk_creation(path_id, behind, wanted - len(found))
        return found

    def _walk_field(self, path_id: int, last: Last | None, wanted: int) -> list[Last]:
        key = self._sort_column(path_id)
        down = self._asked.descending
        where: list[Clause] = [
            _VALUES.path_id == path_id,
            key.is_not(None),
            _VALUES.item.in_(_FIRST_ITEMS),
            self._conditions.holds(self._asked.condition, _VALUES.resource_id),
        ]
        if last is not None and last.key is not None:
            place = sa.tuple_(key, _VALUES.resource_id)
            bound = sa.tuple_(
                sa.literal(last.key, key.type), sa.literal(last.resource_id, sa.BigInteger())
            )
            where.append(place < bound if down else place > bound)
        order = [key, _VALUES.resource_id]
        rows = self._connection.execute(
            sa.select(_VALUES.resource_id, key)
            .where(*where)
            .order_by(*(column.desc() if down else column for column in order))
            .limit(wanted)
        )
        return [Last(key=row[1], resource_id=row[0], lacking=False) for row in rows]

    def _walk_creation(self, without: int | None, last: Last | None, wanted: int) -> list[Last]:
        """Walk by creation, over those that lack the field `without`."""
        lead, rest = self._lead()
        clause = self._conditions.leading(lead, _VALUES)
        if clause is None:
            return []
        resource_id = _VALUES.resource_id
        where = [clause, self._conditions.holds(rest, resource_id)]
        if without is not None:
            values = tables.search_values.alias()
            where.append(
                ~sa.exists().where(
                    (values.c.resource_id == resource_id)
                    & (values.c.path_id == without)
                    & self._sort_column(without, values.c).is_not(None)
                )
            )
        if last is not None:
            bound = last.resource_id
            where.append(resource_id < bound if self._asked.descending else resource_id > bound)
        ids = self._connection.scalars(
            sa.select(resource_id)
            .distinct()
            .where(*where)
            .order_by(resource_id.desc() if self._asked.descending else resource_id)
            .limit(wanted)
        )
        lacking = self._is_sorted()
        return [Last(key=None, resource_id=each, lacking=lacking) for each in ids]

    def _lead(self) -> tuple[Criterion, Condition]:
        """Return whose rows to walk, and what else must hold of each.

        One value's rows lie in the order of creation, as do those of the path that all have.
        """
        condition = self._asked.condition
        conditions = condition.conditions if isinstance(condition, AllOf) else (condition,)
        for each in conditions:
            if isinstance(each, Criterion) and each.operator == "eq":
                return each, AllOf(conditions=tuple(one for one in conditions if one is not each))
        return Criterion(path=ALL, operator="eq", values=("",)), condition

    def _is_sorted(self) -> bool:
        return self._asked.sort_by is not None

    def _sort_path(self) -> int | None:
        return (
            None if self._asked.sort_by is None else self._conditions.path_id(self._asked.sort_by)
        )

    def _sort_column(self, path_id: int, columns: Any = None) -> sa.ColumnElement[Any]:
        """Return by what a field is sorted: as numbers if its first and last text are ones."""
        ends = [
            self._connection.execute(
                sa.select(_VALUES.number).where(_VALUES.path_id == path_id).order_by(order).limit(1)
            ).scalar_one_or_none()
            for order in (_VALUES.text, _VALUES.text.desc())
        ]
        found: sa.ColumnElement[Any] = (
            (columns or _VALUES).text if None in ends else (columns or _VALUES).number
        )
        return found

    def _resources(self, ids: Sequence[int]) -> list[Resource]:
        rows = self._connection.execute(
            sa.select(tables.resources).where(tables.resources.c.id.in_(ids))
        )
        by_id = {row.id: resource_of(row) for row in rows}
        return [by_id[each] for each in ids]


#: Of a field that comes in a list its first value is sorted by.
_FIRST_ITEMS = ("", "0")


def _place(one: Last) -> tuple[Any, ...]:
    return (one.resource_id,) if one.key is None else (one.key, one.resource_id)


def _cost(condition: Condition) -> int:
    return _COST.get(condition.operator, 5) if isinstance(condition, Criterion) else 5
