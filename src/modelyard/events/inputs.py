"""What a target gets of an event: all of it, a part, a constant, or a template filled in.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html

A template is JSON, or a text, with `<name>` in it. Outside of a JSON text a name becomes JSON;
inside, and in a template that is text, it becomes text. What the event lacks becomes null there,
and nothing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.events.json_paths import NOTHING, JsonPath

_NAME = re.compile(r"<([A-Za-z0-9_.-]+)>")
_RULE_ARN = "aws.events.rule-arn"
_RULE_NAME = "aws.events.rule-name"
_EVENT = "aws.events.event"
_EVENT_JSON = "aws.events.event.json"
_INGESTION_TIME = "aws.events.event.ingestion-time"
_RESERVED = frozenset({_RULE_ARN, _RULE_NAME, _EVENT, _EVENT_JSON, _INGESTION_TIME})


def has_input(target: Mapping[str, Any]) -> bool:
    """Tell whether a target says itself what it wants of an event."""
    return any(target.get(key) for key in ("Input", "InputPath", "InputTransformer"))


def input_problems(target: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a target's `Input`, `InputPath` and `InputTransformer`."""
    given = [key for key in ("Input", "InputPath", "InputTransformer") if target.get(key)]
    if len(given) > 1:
        yield f"give only one of {', '.join(given)}"
    if target.get("Input"):
        try:
            json.loads(target["Input"])
        except ValueError as error:
            yield f"Input is no JSON: {error}"
    if target.get("InputPath"):
        yield from _path_problems("InputPath", target["InputPath"])
    if target.get("InputTransformer"):
        yield from _transformer_problems(target["InputTransformer"])


def input_of(
    target: Mapping[str, Any], envelope: Mapping[str, Any], *, rule_arn: str, rule_name: str
) -> Any:
    """Return what a target gets: JSON's types; a text where its template is text.

    Args:
        target: as PutTargets took it, without problems.
        envelope: of the event.

    Raises:
        ValueError: the filled-in template is no JSON, though it begins as an object or a list.
    """
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        found = JsonPath.parse(target["InputPath"]).find(envelope)
        return None if found is NOTHING else found
    transformer = target.get("InputTransformer")
    if not transformer:
        return dict(envelope)
    values: dict[str, Any] = {
        name: JsonPath.parse(path).find(envelope)
        for name, path in transformer.get("InputPathsMap", {}).items()
    }
    values |= {
        _RULE_ARN: rule_arn,
        _RULE_NAME: rule_name,
        _EVENT: {key: value for key, value in envelope.items() if key != "detail"},
        _EVENT_JSON: dict(envelope),
        _INGESTION_TIME: envelope["time"],
    }
    return _filled(transformer["InputTemplate"], values)


def _filled(template: str, values: Mapping[str, Any]) -> Any:
    begins = template.lstrip()[:1]
    if begins not in ("{", "[", '"'):
        return _NAME.sub(lambda match: _text(values.get(match[1], NOTHING)), template)
    parts, position, inside = [], 0, False
    for match in _NAME.finditer(template):
        before = template[position : match.start()]
        parts.append(before)
        inside = _ends_inside_text(before, inside)
        value = values.get(match[1], NOTHING)
        # Inside a JSON text quotes and line ends must be escaped, and the outer quotes are there.
        parts.append(json.dumps(_text(value))[1:-1] if inside else _json(value))
        position = match.end()
    filled = "".join([*parts, template[position:]])
    try:
        return json.loads(filled)
    except ValueError as error:
        raise ValueError(f"the filled-in InputTemplate is no JSON: {error}") from error


def _ends_inside_text(part: str, inside: bool) -> bool:
    """Tell whether a JSON text is open behind `part`, which begins inside one or not."""
    escaped = False
    for character in part:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            inside = not inside
    return inside


def _json(value: Any) -> str:
    return "null" if value is NOTHING else json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str:
    if value is NOTHING:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _transformer_problems(transformer: Mapping[str, Any]) -> Iterator[str]:
    paths = transformer.get("InputPathsMap", {})
    for name, path in paths.items():
        if name.startswith("AWS") or not _NAME.fullmatch(f"<{name}>"):
            yield f"InputPathsMap: {name!r} is no name: letters, digits, _ . -, and not AWS…"
        yield from _path_problems(f"InputPathsMap.{name}", path)
    template = transformer["InputTemplate"]
    known = {*paths, *_RESERVED}
    for name in dict.fromkeys(_NAME.findall(template)):
        if name not in known:
            yield f"InputTemplate: <{name}> is not in InputPathsMap"
    if template.lstrip()[:1] in ("{", "[", '"'):
        try:
            _filled(template, {})
        except ValueError as error:
            yield f"InputTemplate: {error}"


def _path_problems(place: str, path: str) -> Iterator[str]:
    try:
        JsonPath.parse(path)
    except ValueError as error:
        yield f"{place}: {error}"
