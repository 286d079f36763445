"""The query protocol's requests: `Tags.member.1.Key=a` back into lists and structures.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, Shape, StructureShape

from modelyard.operations.errors import SerializationError

MAX_FIELDS = 10_000
MAX_DEPTH = 32  # dots in one name

_Tree = dict[str, Any]  # a name's part -> the rest, or the text


def parsed_form(form: bytes) -> dict[str, str]:
    """Return a form's fields.

    Raises:
        SerializationError: it is no form, has too many fields, or one of them twice.
    """
    try:
        pairs = parse_qsl(
            form.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise SerializationError(f"the form cannot be read: {error}") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise SerializationError("the form has a field twice")
    return fields


def members_of(shape: StructureShape | None, fields: dict[str, str]) -> dict[str, Any]:
    """Return an operation's request from its form, without `Action` and `Version`.

    Text that is not what the shape wants stays text, for the validation to name.

    Raises:
        SerializationError: two fields contradict each other, or one is nested too deeply.
    """
    tree: _Tree = {}
    for name, value in fields.items():
        if name not in ("Action", "Version") and not name.startswith("X-Amz-"):
            _plant(tree, name, value)
    return {} if shape is None and not tree else _structure(shape, tree)


def _plant(tree: _Tree, name: str, value: str) -> None:
    *path, last = name.split(".")
    if len(path) > MAX_DEPTH:
        raise SerializationError(f"{name[:100]!r} is nested too deeply")
    for part in path:
        branch = tree.setdefault(part, {})
        if not isinstance(branch, dict):
            raise SerializationError(f"{name[:100]!r} contradicts another field")
        tree = branch
    if last in tree:
        raise SerializationError(f"{name[:100]!r} contradicts another field")
    tree[last] = value


def _value(shape: Shape, tree: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(tree, dict):
        return _structure(shape, tree)
    if isinstance(shape, ListShape):
        return _list(shape, tree)
    if isinstance(shape, MapShape) and isinstance(tree, dict):
        return _map(shape, tree)
    return _scalar(shape.type_name, tree) if isinstance(tree, str) else tree


def _structure(shape: StructureShape | None, tree: _Tree) -> dict[str, Any]:
    members = {} if shape is None else shape.members
    by_wire_name = {
        member.serialization.get("name", name): (name, member) for name, member in members.items()
    }
    found: dict[str, Any] = {}
    for wire_name, branch in tree.items():
        if wire_name in by_wire_name:
            name, member = by_wire_name[wire_name]
            found[name] = _value(member, branch)
        else:
            found[wire_name] = branch
    return found


def _list(shape: ListShape, tree: Any) -> Any:
    if tree == "":  # how an empty list is written
        return []
    if not isinstance(tree, dict):
        return tree
    if not shape.serialization.get("flattened"):
        tree = tree.get(shape.member.serialization.get("name", "member"), tree)
    return [_value(shape.member, branch) for branch in _numbered(tree)]


def _map(shape: MapShape, tree: _Tree) -> Any:
    entries = tree if shape.serialization.get("flattened") else tree.get("entry", tree)
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    found: dict[str, Any] = {}
    for entry in _numbered(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get(key_name), str):
            raise SerializationError("an entry of a map has no key")
        found[entry[key_name]] = _value(shape.value, entry.get(value_name, ""))
    return found


def _numbered(tree: Any) -> list[Any]:
    """Return the branches `1`, `2`, … in that order."""
    if not isinstance(tree, dict) or not all(
        name.isascii() and name.isdigit() and len(name) < 10 for name in tree
    ):
        raise SerializationError("the items of a list must be numbered: Name.member.1")
    return [tree[name] for name in sorted(tree, key=int)]


def _scalar(type_name: str, text: str) -> Any:
    if type_name == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if type_name in ("integer", "long", "float", "double") and len(text) < 40:
        try:
            return int(text) if type_name in ("integer", "long") else float(text)
        except ValueError:
            return text
    return text
