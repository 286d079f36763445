"""Which roles a request hands on: who gives a job a role can do all that the role can.

Where an operation takes a role follows from its model, so that a user's own map (hyperparameters,
an environment) can neither hide a role nor invent one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from modelyard.operations.schema import Schema

PASSING = "iam:PassRole"
_MEMBERS = frozenset(
    {
        "DomainExecutionRoleArn",
        "ExecutionRole",
        "ExecutionRoleARN",
        "ExecutionRoleArn",
        "RoleARN",
        "RoleArn",
        "ValidationRole",
    }
)
#: Their `RoleArn` is what the call is about, and not handed on.
_OWN_RESOURCE = frozenset({"iam", "sts", "kms", "modelyard"})
_ANY = "*"  # in a path: each entry of a list

Path = tuple[str, ...]


class PassedRoles:
    """Finds the roles in requests. Safe to use from any thread."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._paths: dict[str, tuple[Path, ...]] = {}
        self._lock = Lock()

    def __call__(self, action: str, request: Mapping[str, Any]) -> list[str]:
        """Return the ARNs of the roles that a request hands on, sorted."""
        found: set[str] = set()
        for path in self._known(action):
            found.update(_at(request, path))
        return sorted(found)

    def _known(self, action: str) -> tuple[Path, ...]:
        paths = self._paths.get(action)
        if paths is None:
            paths = self._found(action)
            with self._lock:
                self._paths[action] = paths
        return paths

    def _found(self, action: str) -> tuple[Path, ...]:
        service, _, name = action.partition(":")
        if service in _OWN_RESOURCE or not self._schema.knows(service, name):
            return ()
        shape = self._schema.input_shape(service, name)
        return () if shape is None else tuple(_paths(shape, (), frozenset()))


def _paths(shape: Shape, here: Path, above: frozenset[str]) -> Iterator[Path]:
    if shape.name in above:
        return  # a shape that holds itself
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name in _MEMBERS and member.type_name == "string":
                yield (*here, name)
            else:
                yield from _paths(member, (*here, name), above | {shape.name})
    elif isinstance(shape, ListShape):
        yield from _paths(shape.member, (*here, _ANY), above | {shape.name})


def _at(value: object, path: Path) -> Iterator[str]:
    if not path:
        if isinstance(value, str) and value:
            yield value
        return
    first, rest = path[0], path[1:]
    if first == _ANY:
        for part in value if isinstance(value, list | tuple) else ():
            yield from _at(part, rest)
    elif isinstance(value, Mapping):
        yield from _at(value.get(first), rest)
