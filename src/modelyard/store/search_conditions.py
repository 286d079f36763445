"""A search's conditions in SQL, about the resource whose id is in some column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from modelyard.store import documents, tables
from modelyard.store.listing import position
from modelyard.store.search import AllOf, AnyOf, Condition, Criterion, Nested
from modelyard.store.search_index import cut, find_path, number_of
from modelyard.store.snapshots import Scope

_VALUES = tables.search_values.c
#: The place of a value that stands alone: in no list, or first in one.
FIRST_ITEMS = ("", "0")
#: Spelt out, as the index `search_further` has it: with parameters none would find it.
_IS_FURTHER = _VALUES.item.not_in([sa.literal_column(f"'{item}'") for item in FIRST_ITEMS])
_BOUNDS = frozenset({"lt", "le", "gt", "ge"})
Clause = sa.ColumnElement[bool]
Columns = ReadOnlyColumnCollection[str, Any]


class Conditions:
    """Writes conditions for one kind of one account and region."""

    def __init__(self, connection: sa.Connection, scope: Scope, kind: str) -> None:
        self._connection = connection
        self._scope = scope
        self._kind = kind
        self._paths: dict[str, int | None] = {}
        self._counted: dict[int, int] = {}  # by the field
        self._numbered: dict[int, int] = {}
        self._single: dict[int, bool] = {}

    def path_id(self, path: str) -> int | None:
        """Return the id of a field, None where no resource ever had it."""
        if path not in self._paths:
            scope = self._scope
            self._paths[path] = (
                find_path(self._connection, scope.account, scope.region, self._kind, path)
                if documents.storable(path)
                else None
            )
        return self._paths[path]

    def holds(self, condition: Condition, resource_id: sa.ColumnElement[int]) -> Clause:
        """Return the clause that a resource meets `condition`."""
        match condition:
            case AllOf(conditions=conditions):
                return sa.and_(sa.true(), *(self.holds(each, resource_id) for each in conditions))
            case AnyOf(conditions=conditions):
                return sa.or_(sa.false(), *(self.holds(each, resource_id) for each in conditions))
            case Nested(criteria=criteria):
                return self._nested(criteria, resource_id)
            case Criterion():
                return self._one(condition, resource_id)

    def leading(self, criterion: Criterion, columns: Columns) -> Clause | None:
        """Return the clause of the rows that may fulfil a criterion, for the index to find.

        None: there are none. For `ne` they are the rows with another value.
        """
        ranges = self.ranges(criterion, columns)
        return sa.or_(*ranges) if ranges else None

    def ranges(self, criterion: Criterion, columns: Columns) -> list[Clause]:
        """Return `leading` in parts, each of which is one range of an index."""
        path_id = self.path_id(criterion.path)
        if path_id is None or not documents.storable(*criterion.values):
            return []
        own: Clause = columns.path_id == path_id
        if criterion.operator == "ne":
            text, unwanted = columns.text, cut(criterion.values[0])
            return [own & (text < unwanted), own & (text > unwanted)]
        value = _Value(columns.text, columns.number)
        if criterion.operator in _BOUNDS and _is_time(criterion.values[0]):
            alternatives = self._compared_with_time(value, criterion, path_id)
        else:
            alternatives = _alternatives(value, criterion)
        return [own & each for each in alternatives]

    def _compared_with_time(
        self, value: _Value, criterion: Criterion, path_id: int
    ) -> list[Clause]:
        """Return `_alternatives` as an index finds them: of a field of times, or one of texts.

        No index says which values are no number, and a field mostly has one sort alone.
        """
        by_number, by_text = _compared(value, criterion.operator, criterion.values[0])
        numbers = self._numbers(path_id)
        if numbers == 0:
            return [_ordered(value.text, criterion.operator, cut(criterion.values[0]))]
        if numbers == self._count(path_id):
            return [by_number]
        return [by_number, by_text]

    def has_one_each(self, path: str) -> bool:
        """Return whether no resource has several values of a field; true where none has any."""
        path_id = self.path_id(path)
        if path_id is None:
            return True
        if path_id not in self._single:
            further = sa.select(_VALUES.path_id).where(_VALUES.path_id == path_id, _IS_FURTHER)
            self._single[path_id] = self._connection.execute(further.limit(1)).first() is None
        return self._single[path_id]

    def count(self, path: str) -> int:
        """Return how many values a field has, in all resources."""
        path_id = self.path_id(path)
        return 0 if path_id is None else self._count(path_id)

    def _count(self, path_id: int) -> int:
        """Return how many values a field has: found out once, since it reads all of them."""
        if path_id not in self._counted:
            query = sa.select(sa.func.count()).where(_VALUES.path_id == path_id)
            self._counted[path_id] = self._connection.scalar(query) or 0
        return self._counted[path_id]

    def _numbers(self, path_id: int) -> int:
        if path_id not in self._numbered:
            query = sa.select(sa.func.count()).where(
                (_VALUES.path_id == path_id) & _VALUES.number.is_not(None)
            )
            self._numbered[path_id] = self._connection.scalar(query) or 0
        return self._numbered[path_id]

    def contradict(self, conditions: Iterable[Condition]) -> bool:
        """Return whether a field with one value in each resource would have to be two texts."""
        wanted: dict[str, set[str]] = {}
        for each in conditions:
            if isinstance(each, Criterion) and each.operator == "eq":
                (text,) = each.values
                if number_of(text) is None and _seconds(text) is None:
                    wanted.setdefault(each.path, set()).add(cut(text))
        return any(len(texts) > 1 and self.has_one_each(path) for path, texts in wanted.items())

    def entries(self, criteria: Sequence[Criterion]) -> sa.Select[int] | None:
        """Return the query of the resources with an entry that meets all `criteria`; None: none.

        The first finds the entries, by the index.
        """
        anchor = tables.search_values.alias()
        first = criteria[0]
        differs = first.operator == "ne"
        where = self.leading(
            Criterion(path=first.path, operator="exists") if differs else first, anchor.c
        )
        if where is None:
            return None
        rest = criteria if differs else criteria[1:]
        clauses = [where, *(self._in_entry(each, anchor.c) for each in rest)]
        return sa.select(anchor.c.resource_id).where(sa.and_(*clauses))

    def _matching(self, criterion: Criterion, columns: Columns) -> Clause | None:
        """Return the clause that a row of one resource is a field as asked for; None: none can be.

        For `ne` and `missing` it is the row that must not be. The row is to be found by its
        resource and nothing else: SQLite would walk the index of values for each resource anew.
        """
        path_id = self.path_id(criterion.path)
        if path_id is None or not documents.storable(*criterion.values):
            return None
        own: Clause = columns.path_id == path_id
        return own & _met(_Value(columns.text.concat(""), columns.number + 0.0), criterion)

    def _one(self, criterion: Criterion, resource_id: sa.ColumnElement[int]) -> Clause:
        found = self._exists(criterion, resource_id)
        if criterion.operator == "missing":
            return ~found
        if criterion.operator == "ne":
            present = Criterion(path=criterion.path, operator="exists")
            return self._exists(present, resource_id) & ~found
        return found

    def _exists(self, criterion: Criterion, resource_id: sa.ColumnElement[int]) -> Clause:
        values = tables.search_values.alias()
        clause = self._matching(criterion, values.c)
        if clause is None:
            return sa.false()
        return sa.exists().where((values.c.resource_id == resource_id) & clause)

    def _nested(self, criteria: Sequence[Criterion], resource_id: sa.ColumnElement[int]) -> Clause:
        anchor = tables.search_values.alias()
        first = criteria[0]
        where = self._matching(
            Criterion(path=first.path, operator="exists") if first.operator == "ne" else first,
            anchor.c,
        )
        if where is None:
            return sa.false()
        clauses: list[Clause] = [anchor.c.resource_id == resource_id, where]
        for criterion in criteria if first.operator == "ne" else criteria[1:]:
            clauses.append(self._in_entry(criterion, anchor.c))
        return sa.exists().where(sa.and_(*clauses))

    def _in_entry(self, criterion: Criterion, anchor: Columns) -> Clause:
        values = tables.search_values.alias()
        clause = self._matching(criterion, values.c)
        found: Clause = sa.false()
        if clause is not None:
            found = sa.exists().where(
                (values.c.resource_id == anchor.resource_id)
                & (_entry(values.c.item) == _entry(anchor.item))
                & clause
            )
        return ~found if criterion.operator in ("ne", "missing") else found


def _entry(item: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Return the place in the outermost list: "2" of "2/0"."""
    return sa.func.substr(item, 1, position(item.concat("/"), "/") - 1)


class _Value(NamedTuple):
    """The two forms of a field's value."""

    text: sa.ColumnElement[str]
    number: sa.ColumnElement[float]


def _met(value: _Value, criterion: Criterion) -> Clause:
    return sa.or_(*_alternatives(value, criterion))


def _alternatives(value: _Value, criterion: Criterion) -> list[Clause]:
    """Return the clauses of which one must be true of a value."""
    match criterion.operator:
        case "exists" | "missing":
            return [sa.true()]
        case "eq" | "in" | "ne":
            return [clause for each in criterion.values for clause in _equal(value, each)]
        case "contains":
            return [position(value.text, cut(criterion.values[0])) > 0]
        case "lt" | "le" | "gt" | "ge":
            return _compared(value, criterion.operator, criterion.values[0])


def _equal(value: _Value, wanted: str) -> list[Clause]:
    number = number_of(wanted)
    if number is not None:
        return [value.number == number]
    equal = value.text == cut(wanted)
    moment = _seconds(wanted)
    return [equal] if moment is None else [equal, value.number == moment]


def _compared(value: _Value, operator: str, bound: str) -> list[Clause]:
    number = number_of(bound)
    if number is not None:
        return [_ordered(value.number, operator, number)]
    moment = _seconds(bound)
    if moment is None:
        return [_ordered(value.text, operator, cut(bound))]
    by_text = _ordered(value.text, operator, cut(bound))
    return [_ordered(value.number, operator, moment), value.number.is_(None) & by_text]


def _ordered(column: sa.ColumnElement[Any], operator: str, bound: str | float) -> Clause:
    clauses: dict[str, Clause] = {
        "lt": column < bound,
        "le": column <= bound,
        "gt": column > bound,
        "ge": column >= bound,
    }
    return clauses[operator]


def _is_time(text: str) -> bool:
    return number_of(text) is None and _seconds(text) is not None


def _seconds(text: str) -> float | None:
    """Return the time that a text names as seconds since the epoch; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
