"""All that meet a condition, as a set of ids: what is left to do where walking finds no page soon.

One value of an index after the other is read as fast as the database can say it: as one text of
ids. Sets of them are then cut and joined here, which is an order of magnitude quicker than asking
of each resource whether it meets the condition.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import orjson
import sqlalchemy as sa

from modelyard.store import tables
from modelyard.store.search import AllOf, AnyOf, Condition, Criterion, Nested
from modelyard.store.search_conditions import Conditions
from modelyard.store.search_index import ALL

#: Up to how many ids are held in memory at once; some 100 bytes each.
MOST = 1_000_000

_VALUES = tables.search_values.c
#: What an index finds in one go; counting is a quarter of reading.
_COUNTED = frozenset({"eq", "in", "lt", "le", "gt", "ge", "exists"})
#: How far is counted to tell which condition leaves the fewest: beyond, they are all many.
_COUNTED_TO = 10_000


class TooMany(Exception):
    """More resources meet a criterion than are held in memory."""


class Matching:
    """Finds all resources that meet a condition."""

    def __init__(self, connection: sa.Connection, conditions: Conditions, few: int) -> None:
        self._connection = connection
        self._conditions = conditions
        self._few = few
        self._counts: dict[Criterion, int] = {}

    def ids(self, conditions: Sequence[Condition]) -> Iterator[tuple[Condition, set[int]]]:
        """Yield the ids of all that meet the first of `conditions`, the first two, and so on.

        The cheapest to look up comes first. With them comes the condition that was met last.

        Raises:
            TooMany: `MOST` and more meet a part of them.
        """
        among: set[int] | None = None
        for each in sorted(conditions, key=self._cost) or (AllOf(),):
            among = self._met(each, among)
            yield each, among

    def checked(self, condition: Condition, among: Collection[int]) -> set[int]:
        """Return those of a few that meet `condition`."""
        if not among:
            return set()
        row_id = tables.resources.c.id
        return set(
            self._connection.scalars(
                sa.select(row_id).where(
                    row_id.in_(among) & self._conditions.holds(condition, row_id)
                )
            )
        )

    def having(self, clause: sa.ColumnElement[bool]) -> set[int]:
        """Return the resources of all values that a clause is true of.

        Raises:
            TooMany: they are `MOST` and more.
        """
        return self._read(sa.select(_VALUES.resource_id).where(clause))

    def _met(self, condition: Condition, among: set[int] | None) -> set[int]:
        """Return those that meet `condition`; only those `among` some, if they are given."""
        match condition:
            case AllOf(conditions=conditions):
                return self._all(conditions, among)
            case AnyOf(conditions=conditions):
                return set().union(*(self._met(each, among) for each in conditions))
            case _ if among is not None and len(among) <= self._few:
                return self.checked(condition, among)
            case Nested(criteria=criteria):
                entries = self._conditions.entries(criteria)
                return _within(set() if entries is None else self._read(entries), among)
            case Criterion(operator="missing", path=path):
                return set() if self._all_have(path) else self._without(self._present(path), among)
            case Criterion(operator="ne", path=path, values=values):
                equal = Criterion(path=path, operator="eq", values=values)
                return _within(self._present(path), among) - self._found(equal)
            case Criterion():
                return _within(self._found(condition), among)

    def _all(self, conditions: Sequence[Condition], among: set[int] | None) -> set[int]:
        if not conditions:
            return self._everything() if among is None else among
        for each in sorted(conditions, key=self._cost):
            among = self._met(each, among)
            if not among:
                break
        return among or set()

    def _present(self, path: str) -> set[int]:
        return self._found(Criterion(path=path, operator="exists"))

    def _all_have(self, path: str) -> bool:
        """Return whether every resource has a field, as far as counting can tell: it is quicker."""
        count = self._conditions.count
        return count(path) == count(ALL) and self._conditions.has_one_each(path)

    def _everything(self) -> set[int]:
        return self._present(ALL)

    def _without(self, gone: set[int], among: set[int] | None) -> set[int]:
        if among is not None:
            return among - gone
        every = self._conditions.count(ALL)
        return set() if every == len(gone) else self._everything() - gone

    def _cost(self, condition: Condition) -> float:
        """Return how many a condition may leave; those that are counted come first."""
        if isinstance(condition, Criterion) and condition.operator in _COUNTED:
            return self._count(condition)
        return math.inf

    def _count(self, criterion: Criterion) -> int:
        if criterion not in self._counts:
            values = sa.select(_VALUES.resource_id).limit(_COUNTED_TO)
            ranges = [
                values.where(each).subquery()
                for each in self._conditions.ranges(criterion, _VALUES)
            ]
            self._counts[criterion] = sum(
                self._connection.scalar(sa.select(sa.func.count()).select_from(each)) or 0
                for each in ranges
            )
        return self._counts[criterion]

    def _found(self, criterion: Criterion) -> set[int]:
        ranges = self._conditions.ranges(criterion, _VALUES)
        return set().union(*(self.having(each) for each in ranges))

    def _read(self, query: sa.Select[int]) -> set[int]:
        rows = query.limit(MOST).subquery()
        (column,) = rows.c
        listed = (
            sa.func.group_concat(column)
            if self._connection.dialect.name == "sqlite"
            else sa.func.string_agg(sa.cast(column, sa.Text), ",")
        )
        text, count = self._connection.execute(sa.select(listed, sa.func.count())).one()
        if count == MOST:
            raise TooMany
        return set() if text is None else set(orjson.loads(f"[{text}]"))


def _within(found: set[int], among: set[int] | None) -> set[int]:
    return found if among is None else found & among
