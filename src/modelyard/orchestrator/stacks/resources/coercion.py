"""Templates' text, as the types that the API's own shapes want.

A parameter is text, whatever it is used for: `InstanceCount: !Ref InstanceCount` gives "1", where
the API wants 1. Structures, lists and maps may be given as JSON text too, as a parameter can carry
nothing else. What does not fit stays as it is: the API's validation has the better words for it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from modelyard.orchestrator.stacks.errors import EvaluationError


def coerced(shape: Shape, value: Any, path: str) -> Any:
    """Return `value` with the types of `shape`.

    Raises:
        EvaluationError: a structure, list or map is given as text that is not JSON.
    """
    if isinstance(shape, StructureShape | ListShape | MapShape) and isinstance(value, str):
        value = _read(value, path)
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            name: coerced(shape.members[name], item, f"{path}.{name}")
            if name in shape.members
            else item
            for name, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [coerced(shape.member, item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {
            str(key): coerced(shape.value, item, f"{path}.{key}") for key, item in value.items()
        }
    return _scalar(shape.type_name, value)


def _read(text: str, path: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise EvaluationError(f"{path}: {text[:100]!r} is not JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _scalar(type_name: str, value: Any) -> Any:
    if type_name == "string":
        return _text(value)
    if not isinstance(value, str):
        return value
    if type_name == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if type_name in ("integer", "long") and re.fullmatch(r"[-+]?\d+", value, re.ASCII):
        return int(value)
    if type_name in ("float", "double") and re.fullmatch(r"[-+]?\d+(\.\d+)?", value, re.ASCII):
        return float(value)
    return value


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value
