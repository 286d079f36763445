"""Requests that fit a shape by construction, and single changes that make them not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

from modelyard.operations import patterns

MAX_ITEMS = 2

#: Texts of the kinds that patterns ask for; `from_regex` takes minutes over the Unicode classes.
_SAMPLES = (
    *("a", "model-1", "A" * 20, "key_1", "Straße 7", "1.0", "7", "x" * 63, ""),
    *("s3://bucket/some/key", "https://example.com/path", "text/csv", "sha256:" + "0" * 64),
    *("123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1", "mig-1g.5gb", "/opt/ml/model"),
    *("arn:aws:iam::123456789012:role/r", "arn:aws:kms:us-east-1:123456789012:key/k"),
    *("arn:aws:sagemaker:us-east-1:123456789012:training-job/j",),
    *("sg-12345678", "subnet-12345678", "cron(0 * ? * * *)", "ml.m5.large", "us-east-1a"),
)


def samples(shape: Shape) -> list[str]:
    """Return the samples that fit the pattern and the lengths of a text's shape."""
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 20)
    pattern = patterns.compiled(shape.metadata["pattern"])
    return [
        text
        for text in _SAMPLES
        if low <= len(text) <= high and pattern.fullmatch(text) is not None
    ]


def has_values(shape: Shape, depth: int = 0) -> bool:
    """Return whether `values` knows something that fits."""
    if isinstance(shape, StructureShape):
        names = shape.required_members or (list(shape.members)[:1] if shape.is_tagged_union else [])
        return depth < 6 and all(has_values(shape.members[name], depth + 1) for name in names)
    if isinstance(shape, ListShape):
        return has_values(shape.member, depth + 1)
    if isinstance(shape, MapShape):
        return has_values(shape.key) and has_values(shape.value, depth + 1)
    return "pattern" not in shape.metadata or "enum" in shape.metadata or bool(samples(shape))


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return a strategy of values that fit `shape`."""
    if isinstance(shape, StructureShape):
        return structures(shape, depth)
    if isinstance(shape, ListShape):
        lowest = shape.metadata.get("min", 0)
        highest = max(lowest, min(shape.metadata.get("max", MAX_ITEMS), MAX_ITEMS))
        return st.lists(values(shape.member, depth + 1), min_size=lowest, max_size=highest)
    if isinstance(shape, MapShape):
        return st.dictionaries(
            values(shape.key), values(shape.value, depth + 1), min_size=0, max_size=MAX_ITEMS
        )
    return scalars(shape)


def structures(shape: StructureShape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of structures: required members, and optional ones not too far down."""
    required = {name: values(shape.members[name], depth + 1) for name in shape.required_members}
    if shape.is_tagged_union:
        name = next(iter(shape.members))
        return st.fixed_dictionaries({name: values(shape.members[name], depth + 1)})
    if depth > 4:
        return st.fixed_dictionaries(required)
    optional = {
        name: values(member, depth + 1)
        for name, member in shape.members.items()
        if name not in required and has_values(member, depth + 1)
    }
    return st.fixed_dictionaries(required, optional=optional)


def scalars(shape: Shape) -> st.SearchStrategy[Any]:
    """Return a strategy of scalars that fit `shape`."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "string":
        return texts(shape, low or 0, high)
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name in ("integer", "long"):
        return st.integers(low if low is not None else -5, high if high is not None else 2**31 - 1)
    if shape.type_name in ("float", "double"):
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if shape.type_name == "timestamp":
        return st.integers(0, 4_000_000_000)
    raise NotImplementedError(shape.type_name)


def texts(shape: Shape, low: int, high: int | None) -> st.SearchStrategy[str]:
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    if "pattern" in shape.metadata:
        return st.sampled_from(samples(shape))
    return st.text(min_size=low, max_size=min(high or 20, low + 20))


Change = tuple[tuple[str | int, ...], Any]  # where, and what to put there


def changes(shape: Shape, value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Change]:
    """Yield the single changes that break exactly one rule each."""
    if isinstance(shape, StructureShape):
        if not shape.is_tagged_union:
            yield (*path, "NoMemberOfAnything"), 1
        for name in value:
            if name in shape.required_members:
                yield (*path, name), None
            yield from changes(shape.members[name], value[name], (*path, name))
    elif isinstance(shape, ListShape):
        yield path, "not a list"
        for index, item in enumerate(value):
            yield from changes(shape.member, item, (*path, index))
    elif isinstance(shape, MapShape):
        yield path, ["not a map"]
        for key, item in value.items():
            yield from changes(shape.value, item, (*path, key))
    else:
        yield path, {"not": "a scalar"}
        if "enum" in shape.metadata:
            yield path, "none of these"
        elif shape.type_name == "string" and "max" in shape.metadata:
            yield path, "x" * (shape.metadata["max"] + 1)
        elif shape.type_name in ("integer", "long") and "max" in shape.metadata:
            yield path, shape.metadata["max"] + 1


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return a copy of `value` with `new` at `path`."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    step: Any = path[0]
    inner = copy.get(step) if isinstance(copy, dict) else copy[step]
    copy[step] = changed(inner, path[1:], new)
    return copy


def path_text(shape: Shape, path: tuple[str | int, ...]) -> str:
    """Return a path as an error writes it."""
    text = ""
    for step in path:
        if isinstance(shape, StructureShape):
            name = str(step)
            text += ("." if text else "") + name[:1].lower() + name[1:]
            shape = shape.members.get(name, shape)
        elif isinstance(shape, ListShape):
            text += f".{int(step) + 1}.member"
            shape = shape.member
        elif isinstance(shape, MapShape):
            text += f".{step}.member"
            shape = shape.value
    return text
