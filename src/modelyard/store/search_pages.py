"""The pages of a search, and how they are found quickly.

Whatever a condition asks, either few resources answer it, and then the index finds them all at
once; or many do, and then a page of them is mostly soon found by walking in the order that is
wanted and looking at each. Which of the two it is, is found out by looking for up to `FEW` + 1 of
them. Where `WALKED` steps have not filled the page, since those that answer all lie far behind,
or because two conditions of many have few in common, all are found as sets; see `search_sets`.
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
from modelyard.store.search_order import Order, conjuncts, place_of
from modelyard.store.search_sets import Matching, TooMany
from modelyard.store.snapshots import Resource, Scope, Snapshot, resource_of

#: Up to how many resources are taken as few: they are found whole, and sorted.
FEW = 1000
#: How many resources are looked at one by one, where more than a few may meet the condition.
WALKED = 3000
#: How many of them at first, for each result that is wanted, and at least. All steps of a query are
#: taken before its first result is there, and where most resources meet the condition few are
#: needed; where so few of the first do that the rest would not fill the page, they are not walked.
_STRIDE = 4
_LEAST_STRIDE = 400
_BOUNDS = frozenset({"lt", "le", "gt", "ge"})

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
        self._order = Order(connection, self._conditions, asked)

    def page(self) -> Page[Resource]:
        last = self._asked.last()
        few = self._few(self._asked.condition)
        if few is not None and not few:
            return Page(items=[], token=None)
        found = self._many(last) if few is None else self._sorted(few, last)
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
        return set() if self._conditions.contradict(conditions) else self._between(conditions)

    def _between(self, conditions: Sequence[Condition]) -> set[int] | None:
        """Return the ids of those with a field between two bounds, where many are on the right
        side of either; None: they are many, or none is asked for."""
        bounds: dict[str, list[Criterion]] = {}
        for each in conditions:
            if isinstance(each, Criterion) and each.operator in _BOUNDS:
                bounds.setdefault(each.path, []).append(each)
        for path, criteria in bounds.items():
            clauses = [self._conditions.leading(each, _VALUES) for each in criteria]
            within = [clause for clause in clauses if clause is not None]
            if len(within) < max(len(criteria), 2):
                continue
            between = sa.select(_VALUES.resource_id).where(*within)
            ids = self._connection.scalars(between.limit(FEW + 1)).all()
            # Of several values one may be above the lower bound, and another below the upper one.
            if len(ids) <= FEW and self._conditions.has_one_each(path):
                return set(ids)
        return None

    def _ids(self, criterion: Criterion) -> set[int] | None:
        found: set[int] = set()
        for clause in self._conditions.ranges(criterion, _VALUES):
            ids = self._connection.scalars(
                sa.select(_VALUES.resource_id).where(clause).limit(FEW + 1)
            ).all()
            found.update(ids)
            if len(ids) > FEW or len(found) > FEW:
                return None
        return found

    def _sorted(self, few: set[int], last: Last | None) -> list[Last]:
        """Return the first of `few`, one more than fit on the page."""
        row_id = tables.resources.c.id
        ids = self._connection.scalars(
            sa.select(row_id).where(
                row_id.in_(few) & self._conditions.holds(self._asked.condition, row_id)
            )
        ).all()
        keys = self._order.keys(ids)
        down = self._asked.descending
        found = [
            Last(key=keys.get(each), resource_id=each, lacking=self._order.lacks(each, keys))
            for each in ids
        ]
        # Those that lack the field come last in either order.
        having = sorted((one for one in found if not one.lacking), key=place_of, reverse=down)
        lacking = sorted((one for one in found if one.lacking), key=place_of, reverse=down)
        found = having + lacking
        if last is not None:
            found = [one for one in found if self._order.is_behind(one, last)]
        return found[: self._asked.limit + 1]

    def _many(self, last: Last | None) -> list[Last]:
        """Return the next in order that meet the condition, one more than fit on the page."""
        try:
            return self._walked(last, WALKED)
        except _Lost:
            pass
        try:
            return self._picked(last)
        except TooMany:
            return self._walked(last, None)

    def _walked(self, last: Last | None, most: int | None) -> list[Last]:
        """Walk until the page is full.

        Args:
            most: how far.

        Raises:
            _Lost: it was not far enough.
        """
        wanted = self._asked.limit + 1
        path_id = self._order.path_id()
        found: list[Last] = []
        if path_id is not None and (last is None or not last.lacking):
            found = self._walk_field(path_id, last, wanted, most)
        if len(found) < wanted:
            behind = last if last is not None and last.lacking == self._order.is_sorted() else None
            found += self._walk_creation(path_id, behind, wanted - len(found), most)
        return found

    def _walk_field(
        self, path_id: int, last: Last | None, wanted: int, most: int | None
    ) -> list[Last]:
        key = self._order.sort_column(path_id)
        walk = self._order.in_order(path_id, last).add_columns(key.label("key"))
        rows = self._stepped(walk, self._asked.condition, wanted, most)
        return [Last(key=row.key, resource_id=row.resource_id, lacking=False) for row in rows]

    def _walk_creation(
        self, without: int | None, last: Last | None, wanted: int, most: int | None
    ) -> list[Last]:
        """Walk by creation, over those that lack the field `without`."""
        lead, rest = self._lead()
        clause = self._conditions.leading(lead, _VALUES)
        if clause is None:
            return []
        resource_id = _VALUES.resource_id
        walk = (
            sa.select(resource_id)
            .distinct()
            .where(clause, *self._behind(last))
            .order_by(resource_id.desc() if self._asked.descending else resource_id)
        )
        rows = self._stepped(walk, rest, wanted, most, without)
        lacking = self._order.is_sorted()
        return [Last(key=None, resource_id=row.resource_id, lacking=lacking) for row in rows]

    def _behind(self, last: Last | None) -> list[Clause]:
        if last is None:
            return []
        bound = last.resource_id
        return [
            _VALUES.resource_id < bound if self._asked.descending else _VALUES.resource_id > bound
        ]

    def _stepped(
        self,
        walk: sa.Select[Any],
        condition: Condition,
        wanted: int,
        most: int | None,
        without: int | None = None,
    ) -> Sequence[sa.Row[Any]]:
        """Return the first of a walk that meet a condition, and lack a field.

        Raises:
            _Lost: they are not among the first `most`.
        """
        stride = max(_STRIDE * wanted, _LEAST_STRIDE)
        if most is not None and most > stride:
            rows = self._met(walk.limit(stride), condition, wanted, without)
            if len(rows) == wanted:
                return rows
            if len(rows) * most < wanted * stride:
                self._check_end(walk, stride)
                return rows
        limited = walk if most is None else walk.limit(most)
        rows = self._met(limited, condition, wanted, without)
        if len(rows) < wanted and most is not None:
            self._check_end(walk, most)
        return rows

    def _check_end(self, walk: sa.Select[Any], steps: int) -> None:
        if self._connection.execute(walk.offset(steps).limit(1)).first() is not None:
            raise _Lost

    def _met(
        self, walk: sa.Select[Any], condition: Condition, wanted: int, without: int | None
    ) -> Sequence[sa.Row[Any]]:
        steps = walk.subquery()
        held = self._conditions.holds(condition, steps.c.resource_id)
        if without is not None:
            values = tables.search_values.alias()
            held &= ~sa.exists().where(
                (values.c.resource_id == steps.c.resource_id) & self._order.has(without, values.c)
            )
        by_place = [steps.c.key] if "key" in steps.c else []
        order = [
            column.desc() if self._asked.descending else column
            for column in (*by_place, steps.c.resource_id)
        ]
        return self._connection.execute(
            sa.select(steps).where(held).order_by(*order).limit(wanted)
        ).all()

    def _picked(self, last: Last | None) -> list[Last]:
        """Find all that meet the condition, and pick the next in order.

        Raises:
            TooMany: they are too many for that.
        """
        wanted = self._asked.limit + 1
        conditions = conjuncts(self._asked.condition)
        if len(conditions) == 1 and not self._order.is_sorted():
            alone = self._created(conditions[0], last, wanted)
            if alone is not None:
                return alone
        matching = Matching(self._connection, self._conditions, FEW)
        ids: set[int] = set()
        walked = None if self._order.is_sorted() else self._lead()[0]
        for met, (condition, ids) in enumerate(matching.ids(conditions), 1):
            if len(ids) <= FEW:
                return self._sorted(ids, last)
            if met == 1 < len(conditions) and condition != walked:
                # Mostly one condition is to blame: what it leaves may soon fill the page.
                first = self._ordered(matching, ids, last, FEW)
                held = matching.checked(self._asked.condition, [one.resource_id for one in first])
                first = [one for one in first if one.resource_id in held]
                if len(first) >= wanted:
                    return first[:wanted]
        return self._ordered(matching, ids, last, wanted)

    def _created(self, condition: Condition, last: Last | None, wanted: int) -> list[Last] | None:
        """Return the first by creation that meet what is asked of one field.

        The database picks them from the ranges of its index, without telling of the others. None:
        what is asked for is no range.
        """
        if not isinstance(condition, Criterion) or condition.operator == "missing":
            return None
        if condition.operator == "ne" and not self._conditions.has_one_each(condition.path):
            return None
        resource_id, down = _VALUES.resource_id, self._asked.descending
        ids: set[int] = set()
        for clause in self._conditions.ranges(condition, _VALUES):
            query = sa.select(resource_id).where(clause, *self._behind(last)).group_by(resource_id)
            first = query.order_by(resource_id.desc() if down else resource_id).limit(wanted)
            ids.update(self._connection.scalars(first))
        found = sorted(ids, reverse=down)[:wanted]
        return [Last(key=None, resource_id=each, lacking=False) for each in found]

    def _ordered(
        self, matching: Matching, ids: set[int], last: Last | None, wanted: int
    ) -> list[Last]:
        """Return the first of `ids` behind `last`."""
        path_id = self._order.path_id()
        found: list[Last] = []
        if path_id is not None:
            if last is None or not last.lacking:
                found = self._picked_by_field(path_id, ids, last, wanted)
            if len(found) < wanted:
                ids = ids - matching.having(self._order.has(path_id, _VALUES))
        if len(found) < wanted:
            lacking, down = self._order.is_sorted(), self._asked.descending
            if last is not None and last.lacking == lacking:
                bound = last.resource_id
                ids = {each for each in ids if (each < bound if down else each > bound)}
            found += [
                Last(key=None, resource_id=each, lacking=lacking)
                for each in sorted(ids, reverse=down)[: wanted - len(found)]
            ]
        return found

    def _picked_by_field(
        self, path_id: int, ids: set[int], last: Last | None, wanted: int
    ) -> list[Last]:
        walk = self._order.in_order(path_id, last)
        found: list[int] = []
        offset, steps = 0, _FIRST_STEPS
        while len(found) < wanted:
            rows = self._connection.scalars(walk.offset(offset).limit(steps)).all()
            found += [each for each in rows if each in ids]
            if len(rows) < steps:
                break
            offset, steps = offset + steps, steps * 4
        keys = self._order.keys(found[:wanted])
        return [Last(key=keys[each], resource_id=each, lacking=False) for each in found[:wanted]]

    def _lead(self) -> tuple[Criterion, Condition]:
        """Return whose rows to walk, and what else must hold of each.

        One value's rows lie in the order of creation, as do those of the path that all have.
        """
        condition = self._asked.condition
        conditions = conjuncts(condition)
        for each in conditions:
            if isinstance(each, Criterion) and each.operator == "eq":
                return each, AllOf(conditions=tuple(one for one in conditions if one is not each))
        return Criterion(path=ALL, operator="eq", values=("",)), condition

    def _resources(self, ids: Sequence[int]) -> list[Resource]:
        rows = self._connection.execute(
            sa.select(tables.resources).where(tables.resources.c.id.in_(ids))
        )
        by_id = {row.id: resource_of(row) for row in rows}
        return [by_id[each] for each in ids]


class _Lost(Exception):
    """Walking has not filled the page."""


#: How many rows of a field are read at first, to find those that were picked.
_FIRST_STEPS = 4000


def _cost(condition: Condition) -> int:
    return _COST.get(condition.operator, 5) if isinstance(condition, Criterion) else 5
