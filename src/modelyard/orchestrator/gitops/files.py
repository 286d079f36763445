"""A configuration file: the body of one request to provision, or a list of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.orchestrator.blueprints import PIPELINE_TYPES
from modelyard.orchestrator.card_requests import CARD_TYPES

FILE_NAME = "mlops-config.json"
MAX_BYTES = 256 << 10
MAX_BODIES = 50

_SHAPE = "give one JSON object, the body of POST /provisionpipeline, or a list of such objects"


class BadFile(ValueError):
    """The file is no configuration; the message names the rule and the remedy."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One body of a file, or what stands in its place."""

    label: str  # as people know it: the type and the model's name
    digest: str  # the same for bodies that say the same
    body: Mapping[str, Any]
    problem: str = ""  # why it is no body


def read_file(data: bytes) -> list[Entry]:
    """Return the bodies of a file. One that is no body is in the list, with its problem.

    Raises:
        BadFile: there is no telling bodies apart.
    """
    if len(data) > MAX_BYTES:
        raise BadFile(f"{FILE_NAME} has {len(data)} bytes, and may have {MAX_BYTES}: split it")
    try:
        content = json.loads(
            data.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_once,
        )
    except RecursionError as error:
        raise BadFile(f"{FILE_NAME} is nested too deeply: {_SHAPE}") from error
    except ValueError as error:
        raise BadFile(f"{FILE_NAME} is not JSON: {error}") from error
    bodies = content if isinstance(content, list) else [content]
    if not isinstance(content, dict | list):
        raise BadFile(f"{FILE_NAME} holds {json.dumps(content)[:80]}: {_SHAPE}")
    if not bodies:
        raise BadFile(f"{FILE_NAME} is an empty list: {_SHAPE}")
    if len(bodies) > MAX_BODIES:
        raise BadFile(
            f"{FILE_NAME} has {len(bodies)} bodies, and may have {MAX_BODIES}: give several files "
            "one after the other"
        )
    return [_entry(number, body) for number, body in enumerate(bodies, 1)]


def _entry(number: int, body: Any) -> Entry:
    text = json.dumps(body, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if not isinstance(body, dict):
        problem = f"{text[:80]} is no JSON object: {_SHAPE}"
        return Entry(label=f"body {number}", digest=digest, body={}, problem=problem)
    named = body.get("pipeline_type")
    problem = ""
    if isinstance(named, str) and named.strip().lower() in CARD_TYPES:
        problem = f"{named} is about a model card, not a pipeline: POST it to /provisionpipeline"
    return Entry(label=_label(number, body), digest=digest, body=body, problem=problem)


def _label(number: int, body: Mapping[str, Any]) -> str:
    kind = _text(body.get("pipeline_type"))
    known = PIPELINE_TYPES.get(kind.strip().lower())
    names: Sequence[str] = ("model_name",) if known is None else (known.named_after, "model_name")
    named = next((_text(body.get(name)) for name in names if _text(body.get(name))), "")
    return " ".join(part for part in (kind, named) if part) or f"body {number}"


def _text(value: object) -> str:
    """Return a value as it can be shown in one line."""
    if not isinstance(value, str):
        return ""
    return "".join(letter if letter.isprintable() else "?" for letter in value)[:80]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:80]!r} is there twice: leave one out")
        found[key] = value
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
