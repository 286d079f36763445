"""Whether a user's policies speak of what there is: checked against a Cedar schema.

The schema follows from the operation table. For each action it knows the members of the request,
so that a policy which misspells `context.request.ModelAprovalStatus`, or compares a text with a
number, is an error that names its place instead of a policy that never matches. Members that Cedar
has no type for (fractions, times, bytes, maps with keys of the user's own) are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

import cedarpy
from botocore.model import ListShape, Shape, StructureShape

from modelyard.identity.policies.actions import groups_of
from modelyard.identity.policies.book import shipped_policies
from modelyard.identity.policies.entities import ACTION, NAMESPACE
from modelyard.identity.policies.library import actions_of, entities_in, looks_of
from modelyard.identity.policies.texts import Policy, PolicyError
from modelyard.operations.schema import Schema

MAX_DEPTH = 6  # of the requests that the schema describes
_PRINCIPALS = ("Root", "User", "Session", "Anonymous")

_TEXT, _FLAG, _NUMBER = ({"type": kind} for kind in ("String", "Boolean", "Long"))
_SCALARS = {
    "string": _TEXT,
    "character": _TEXT,
    "boolean": _FLAG,
    "integer": _NUMBER,
    "long": _NUMBER,
}
_Json = dict[str, Any]


class PolicyChecker:
    """Checks policies. Safe to use from any thread.

    Args:
        actions: gives the actions that are on offer, `sagemaker:CreateModel`; it is asked when the
            first policy is checked.
    """

    def __init__(self, schema: Schema, actions: Callable[[], Iterable[str]]) -> None:
        self._schema = schema
        self._actions = actions
        self._made: cedarpy.Schema | None = None
        self._members: dict[str, frozenset[str]] = {}
        self._lock = Lock()

    def __call__(self, policies: Sequence[Policy]) -> list[PolicyError]:
        """Return what is wrong with each policy; nothing with those that mean something."""
        problems: list[PolicyError] = []
        for policy in policies:
            for problem in self._problems(policy):
                line, column = policy.place_of(problem)
                problems.append(
                    PolicyError(file=policy.file, line=line, column=column, problem=problem)
                )
        return problems

    def _problems(self, policy: Policy) -> list[str]:
        answer = cedarpy.validate_policies(policy.text, self._cedar())
        by_rule: dict[str, list[str]] = {}
        for said in sorted(_without_id(error.error) for error in answer.errors):
            rule, _, where = said.partition(" in context for ")
            by_rule.setdefault(rule, []).append(where)
        problems = []
        for rule, places in by_rule.items():
            more = f", and for {len(places) - 1} other actions" if len(places) > 1 else ""
            where = f" in the context of {places[0]}{more}" if places[0] else ""
            problems.append(f"{rule}{where}")
        return problems or self._of_members(policy)

    def _of_members(self, policy: Policy) -> list[str]:
        """Return which members of the request a policy asks for in vain: `has` is true of none."""
        named = set(actions_of(policy))
        known = {
            member
            for action, members in self._members.items()
            if not named or named & {action, *groups_of(action)}
            for member in members
        }
        asked = looks_of(policy.body).members or frozenset()
        return [
            f"no request that the policy is about has the member `{member}`"
            for member in sorted(asked - known)
        ]

    def _cedar(self) -> cedarpy.Schema:
        with self._lock:
            if self._made is None:
                document = schema_document(self._schema, self._actions())
                self._members = {
                    action: _members_of(self._schema, action)
                    for action, described in document[NAMESPACE]["actions"].items()
                    if described
                }
                self._made = cedarpy.Schema.from_json_str(json.dumps(document))
            return self._made


def schema_document(schema: Schema, actions: Iterable[str]) -> _Json:
    """Return the Cedar schema, in Cedar's JSON, for these actions and those of shipped policies."""
    offered = set(actions)
    named = {
        name
        for policy in shipped_policies()
        for kind, name in entities_in(policy.body)
        if kind == ACTION
    }
    groups = {group for action in offered for group in groups_of(action)}
    groups |= {name for name in named if name.endswith((":*", ":read", ":write", ":use"))}
    groups |= {name for name in named if ":" not in name}
    offered |= {name for name in named if name not in groups}
    groups |= {group for action in offered for group in groups_of(action)}
    described = {name: _action(schema, name) for name in sorted(offered)}
    return {
        NAMESPACE: {
            "entityTypes": _entity_types(),
            "actions": {**{name: {} for name in sorted(groups)}, **described},
        }
    }


def _action(schema: Schema, action: str) -> _Json:
    return {
        "memberOf": [{"id": group} for group in sorted(groups_of(action))],
        "appliesTo": {
            "principalTypes": list(_PRINCIPALS),
            "resourceTypes": ["Resource"],
            "context": _record(
                {
                    "source": _TEXT,
                    "region": _TEXT,
                    "shared": _TEXT,
                    "named": _FLAG,
                    "request": _request(schema, action),
                }
            ),
        },
    }


def _members_of(schema: Schema, action: str) -> frozenset[str]:
    service, _, name = action.partition(":")
    shape = schema.input_shape(service, name) if schema.knows(service, name) else None
    return frozenset() if shape is None else frozenset(shape.members)


def _request(schema: Schema, action: str) -> _Json:
    service, _, name = action.partition(":")
    shape = schema.input_shape(service, name) if schema.knows(service, name) else None
    return _record({}) if shape is None else _type_of(shape, MAX_DEPTH) or _record({})


def _type_of(shape: Shape, depth: int) -> _Json | None:
    if isinstance(shape, StructureShape):
        if not depth:
            return None
        members = {name: _type_of(member, depth - 1) for name, member in shape.members.items()}
        found = {name: {**kind, "required": False} for name, kind in members.items() if kind}
        return _record(found)
    if isinstance(shape, ListShape):
        element = _type_of(shape.member, depth - 1) if depth else None
        return None if element is None else {"type": "Set", "element": element}
    return _SCALARS.get(shape.type_name)


def _record(attributes: _Json) -> _Json:
    return {"type": "Record", "attributes": attributes}


def _entity_types() -> _Json:
    principal = _record(
        dict.fromkeys(("arn", "account", "stage", "person", "role"), _TEXT)
        | {"personas": {"type": "Set", "element": _TEXT}}
    )
    optional = {**_TEXT, "required": False}
    resource = _record(
        dict.fromkeys(("arn", "account", "stage", "region", "service", "kind", "name"), _TEXT)
        | {"personas": {"type": "Set", "element": _TEXT}}
        | dict.fromkeys(("status", "approval", "lifecycle_stage"), optional)
    )
    parents = ["Persona", "Role", "Account"]
    return {
        **{name: {} for name in parents},
        **{
            name: {"memberOfTypes": parents, "shape": principal, "tags": _TEXT}
            for name in _PRINCIPALS
        },
        "Resource": {"shape": resource, "tags": _TEXT},
    }


def _without_id(message: str) -> str:
    """Return the message without the name that Cedar gave the policy."""
    return message.removeprefix("for policy `policy0`, ")
