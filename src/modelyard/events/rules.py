"""Rules: a pattern, and the targets that get what it matches; and the book of all rules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.arns import Arn
from modelyard.events.bus_event import DEFAULT_BUS
from modelyard.events.buses import Bus
from modelyard.events.errors import NoSuchResource
from modelyard.events.patterns import Pattern
from modelyard.operations.context import Context, Principal
from modelyard.operations.requests import scope_of
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Scope, Snapshot, Store

RULE_KIND = "event-rule"
ENABLED = "ENABLED"
DISABLED = "DISABLED"
_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class RuleTarget:
    """One target of a rule."""

    request: Mapping[str, Any]  # as PutTargets took it
    put_by: Principal  # who acts where the target has no role

    @property
    def id(self) -> str:
        return str(self.request["Id"])

    @property
    def arn(self) -> str:
        return str(self.request["Arn"])


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule, ready to be asked."""

    arn: str
    name: str
    bus: Bus
    pattern: Pattern | None  # None: it goes by the clock
    enabled: bool
    role_arn: str
    targets: Sequence[RuleTarget]

    @classmethod
    def of(cls, row: Resource) -> Rule:
        """Return the rule of a row."""
        spec = row.spec
        text = spec.get("EventPattern")
        return cls(
            arn=row.arn,
            name=spec["Name"],
            bus=Bus(scope=row.scope, name=spec["EventBusName"]),
            pattern=None if text is None else Pattern.parse(text),
            enabled=row.status == ENABLED,
            role_arn=spec.get("RoleArn") or "",
            targets=targets_of(row),
        )


def targets_of(row: Resource) -> list[RuleTarget]:
    """Return the targets of a rule's row."""
    return [
        RuleTarget(
            request=target["request"],
            put_by=Principal(**{**target["put_by"], "chain": tuple(target["put_by"]["chain"])}),
        )
        for target in row.spec.get("Targets", [])
    ]


def row_name(bus: str, name: str) -> str:
    """Return the name of a rule's row, which stands in its ARN too."""
    return name if bus == DEFAULT_BUS else f"{bus}/{name}"


def rule_arn(scope: Scope, bus: str, name: str) -> str:
    """Return `arn:aws:events:<region>:<account>:rule/[<bus>/]<name>`."""
    resource = f"rule/{row_name(bus, name)}"
    return str(Arn(service="events", region=scope.region, account=scope.account, resource=resource))


def find_rule(snapshot: Snapshot, bus: Bus, name: str) -> Resource:
    """Return the row of a rule.

    Raises:
        NoSuchResource: there is none.
    """
    row = snapshot.find(bus.scope, RULE_KIND, row_name(bus.name, name))
    if row is None:
        raise NoSuchResource(f"Rule {name} does not exist on EventBus {bus.name}.")
    return row


def rows_of(snapshot: Snapshot, bus: Bus) -> Iterator[Resource]:
    """Yield the rows of a bus's rules by name."""
    token = None
    while True:
        page = snapshot.list(
            bus.scope, RULE_KIND, Listing(limit=_PAGE, token=token, sort_by="Name")
        )
        yield from (row for row in page.items if row.spec["EventBusName"] == bus.name)
        token = page.token
        if token is None:
            return


def on_rule(member: str) -> Callable[[Context, Mapping[str, Any]], str]:
    """The rule whose name is in `member`, on the bus of `EventBusName`."""

    def find(context: Context, request: Mapping[str, Any]) -> str:
        name, bus = request.get(member), request.get("EventBusName")
        name = name if isinstance(name, str) and name else "*"
        if isinstance(bus, str) and bus.startswith("arn:"):
            try:
                arn = Arn.parse(bus)
            except ValueError:
                return rule_arn(scope_of(context), "*", "*")
            scope = Scope(account=arn.account, region=arn.region)
            return rule_arn(scope, arn.name, name)
        return rule_arn(
            scope_of(context), bus if isinstance(bus, str) and bus else DEFAULT_BUS, name
        )

    return find


class _Index:
    """The enabled rules of one bus, by the detail-types that they can be for."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._by_type: dict[str, list[Rule]] = {}
        self._of_any: list[Rule] = []
        for rule in rules:
            types = None if rule.pattern is None else rule.pattern.exact_texts("detail-type")
            if types is None:
                self._of_any.append(rule)
            for type_ in types or ():
                self._by_type.setdefault(type_, []).append(rule)

    def candidates(self, detail_type: str) -> Iterator[Rule]:
        yield from self._by_type.get(detail_type, ())
        yield from self._of_any


class Rulebook:
    """All rules, compiled once and kept until one is changed. Safe to use from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: dict[Bus, _Index] = {}
        self._changes = 0

    def changed(self) -> None:
        """Say that rules were changed, after the commit."""
        with self._lock:
            self._changes += 1
            self._kept.clear()

    def matching(self, bus: Bus, envelope: Mapping[str, Any]) -> list[Rule]:
        """Return the enabled rules of a bus that an event matches.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            rule
            for rule in self._index(bus).candidates(envelope["detail-type"])
            if rule.pattern is not None and rule.pattern.matches(envelope)
        ]

    def may_match(self, bus: Bus, detail_types: Iterable[str]) -> bool:
        """Return whether any enabled rule of a bus can be for an event of one of the types.

        Raises:
            StoreError: the database cannot be read.
        """
        index = self._index(bus)
        return any(True for type_ in detail_types for _ in index.candidates(type_))

    def _index(self, bus: Bus) -> _Index:
        with self._lock:
            found, changes = self._kept.get(bus), self._changes
        if found is not None:
            return found
        with self._store.read() as snapshot:
            rules = [Rule.of(row) for row in rows_of(snapshot, bus) if row.status == ENABLED]
        index = _Index(rules)
        with self._lock:
            # What was read before a change must not be kept after it.
            if changes == self._changes:
                self._kept[bus] = index
        return index
