"""All policies in force, and of them the few that a call needs.

Which policies can match at all follows from their heads: who (`principal in …`) and what
(`action in …`). A `Slice` holds those of one kind of caller and one action, parsed once, and what
they look at, so that nothing else has to be found out for a decision.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cedarpy import PolicySet

from modelyard.identity.policies.actions import groups_of
from modelyard.identity.policies.entities import ACTION, PERSONA, ROLE, Subject, Uid
from modelyard.identity.policies.texts import Policy, PolicyError, PolicyErrors

_MAX_SLICES = 4096
_ROW_ATTRIBUTES = frozenset({"status", "approval", "lifecycle_stage"})


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What policies look at, beside the names of who acts on what."""

    members: frozenset[str] | None = frozenset()  # of the request; None: they may look at any
    row: bool = False  # the resource's own state, or its tags

    def __or__(self, other: Looks) -> Looks:
        both = None
        if self.members is not None and other.members is not None:
            both = self.members | other.members
        return Looks(members=both, row=self.row or other.row)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The policies that can match for one kind of caller and one action."""

    set: PolicySet
    ids: tuple[str, ...]
    looks: Looks


class Library:
    """Policies that never change: new ones make a new library. Safe to use from any thread.

    Raises:
        PolicyErrors: two policies have the same id.
    """

    def __init__(self, policies: Sequence[Policy]) -> None:
        _check_ids(policies)
        self.policies = tuple(policies)
        self._by_id = {policy.id: policy for policy in policies}
        self._looks = {policy.id: looks_of(policy.body) for policy in policies}
        #: The personas and roles that policies permit something, sorted.
        self.parties: tuple[Uid, ...] = _parties(policies)
        self._slices: dict[tuple[str, frozenset[Uid], str], Slice] = {}
        self._lock = Lock()

    def get(self, policy_id: str) -> Policy:
        """Return the policy of that id.

        Raises:
            KeyError: there is none.
        """
        return self._by_id[policy_id]

    def slice(self, subject: Subject, action: str) -> Slice:
        """Return the policies that can match when `subject` does `action`."""
        key = (subject.type, subject.ancestors, action)
        found = self._slices.get(key)
        if found is None:
            found = self._slice_of(*key)
            with self._lock:
                if len(self._slices) >= _MAX_SLICES:
                    self._slices.clear()
                self._slices[key] = found
        return found

    def _slice_of(self, kind: str, ancestors: frozenset[Uid], action: str) -> Slice:
        chosen = [
            policy
            for policy in self.policies
            if _may_be_principal(policy.body["principal"], kind, ancestors)
            and _may_be_action(policy.body["action"], action)
        ]
        looks = Looks()
        for policy in chosen:
            looks |= self._looks[policy.id]
        document = {
            "templates": {},
            "staticPolicies": {policy.id: policy.body for policy in chosen},
            "templateLinks": [],
        }
        return Slice(
            set=PolicySet.from_json_str(json.dumps(document)),
            ids=tuple(policy.id for policy in chosen),
            looks=looks,
        )


def _parties(policies: Iterable[Policy]) -> tuple[Uid, ...]:
    found = {
        uid
        for policy in policies
        if policy.effect == "permit"
        for uid in entities_in(policy.body)
        if uid[0] in {PERSONA, ROLE}
    }
    return tuple(sorted(found))


def _check_ids(policies: Iterable[Policy]) -> None:
    seen: dict[str, Policy] = {}
    problems = []
    for policy in policies:
        first = seen.setdefault(policy.id, policy)
        if first is not policy:
            problems.append(
                PolicyError(
                    file=policy.file,
                    line=policy.line,
                    column=policy.column,
                    problem=f"the id {policy.id!r} is taken ({first.file}:{first.line}): "
                    "give each policy an @id of its own",
                )
            )
    if problems:
        raise PolicyErrors(problems)


def _may_be_principal(scope: Mapping[str, Any], kind: str, ancestors: frozenset[Uid]) -> bool:
    """Return False only where the head of a policy excludes every such principal."""
    match scope:
        case {"op": "in", "entity": entity}:
            return (entity["type"], entity["id"]) in ancestors or entity["type"] == kind
        case {"op": "is", "entity_type": wanted, **more}:
            inside = more.get("in", {}).get("entity")
            return kind == wanted and (
                inside is None
                or inside["type"] == kind
                or (inside["type"], inside["id"]) in ancestors
            )
        case {"op": "==", "entity": entity}:
            return bool(entity["type"] == kind)
    return True


def _may_be_action(scope: Mapping[str, Any], action: str) -> bool:
    ids = {action, *groups_of(action)}
    match scope:
        case {"op": "==", "entity": entity}:
            return bool(entity["id"] == action)
        case {"op": "in", "entity": entity}:
            return entity["id"] in ids
        case {"op": "in", "entities": entities}:
            return any(entity["id"] in ids for entity in entities)
    return True


def actions_of(policy: Policy) -> list[str]:
    """Return the actions and groups that the head of a policy names."""
    scope = policy.body["action"]
    named = scope.get("entities") or ([scope["entity"]] if "entity" in scope else [])
    return [entity["id"] for entity in named if entity["type"] == ACTION]


def looks_of(body: Mapping[str, Any]) -> Looks:
    """Return what a policy's conditions look at."""
    looks = Looks()
    for condition in body.get("conditions", []):
        for found in _looked_at(condition["body"]):
            looks |= found
    return looks


def _looked_at(expression: Any) -> Iterator[Looks]:
    match expression:
        case {"has": {"left": left, "attr": name}} | {".": {"left": left, "attr": name}}:
            if _is_request(left):
                yield Looks(members=frozenset({str(name)}))
            elif left == {"Var": "resource"}:
                yield Looks(row=name in _ROW_ATTRIBUTES)
            elif left == {"Var": "context"}:
                yield Looks(members=None if name == "request" else frozenset())
            else:
                yield from _looked_at(left)
        case {"Var": "context"}:
            yield Looks(members=None)
        case {"Var": "resource"}:
            yield Looks(row=True)
        case {"hasTag": inner} | {"getTag": inner}:
            of_principal = inner["left"] == {"Var": "principal"}
            yield from _looked_at(inner["right"] if of_principal else inner)
        case dict():
            for part in expression.values():
                yield from _looked_at(part)
        case list():
            for part in expression:
                yield from _looked_at(part)


def _is_request(expression: Any) -> bool:
    return bool(expression == {".": {"left": {"Var": "context"}, "attr": "request"}})


def entities_in(value: Any) -> Iterator[Uid]:
    """Yield all entities that a policy names."""
    match value:
        case {"type": str(kind), "id": str(name)}:
            yield kind, name
        case dict():
            for part in value.values():
                yield from entities_in(part)
        case list():
            for part in value:
                yield from entities_in(part)
