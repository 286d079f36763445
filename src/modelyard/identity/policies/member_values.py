"""What the members of a name hold in a request, wherever the operation's model has them.

Where an operation takes such a value follows from its model, so that a user's own map
(hyperparameters, an environment) can neither hide one nor invent one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from threading import Lock
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from modelyard.operations.schema import Schema

_ANY = "*"  # in a path: each entry of a list

Path = tuple[str, ...]


class MemberValues:
    """Finds the values in requests. Safe to use from any thread.

    Args:
        members: their names.
        except_of: services whose requests are left alone.
    """

    def __init__(
        self, schema: Schema, members: Collection[str], *, except_of: Collection[str] = ()
    ) -> None:
        self._schema = schema
        self._members = members
        self._except_of = except_of
        self._paths: dict[str, tuple[Path, ...]] = {}
        self._lock = Lock()

    def __call__(self, action: str, request: Mapping[str, Any]) -> list[str]:
        """Return the values that are there and not empty, each once, sorted."""
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
        if service in self._except_of or not self._schema.knows(service, name):
            return ()
        shape = self._schema.input_shape(service, name)
        return () if shape is None else tuple(self._below(shape, (), frozenset()))

    def _below(self, shape: Shape, here: Path, above: frozenset[str]) -> Iterator[Path]:
        if shape.name in above:
            return  # a shape that holds itself
        if isinstance(shape, StructureShape):
            for name, member in shape.members.items():
                if name in self._members and member.type_name == "string":
                    yield (*here, name)
                else:
                    yield from self._below(member, (*here, name), above | {shape.name})
        elif isinstance(shape, ListShape):
            yield from self._below(shape.member, (*here, _ANY), above | {shape.name})


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
