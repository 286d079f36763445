"""A card's content: JSON text that follows `content_schema.json`.

The text is kept as it came, since clients compare what they sent with what they get. Two texts are
the same content when their members are: `digest` does not see spaces or the order of keys.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from modelyard.operations.errors import ValidationError

if TYPE_CHECKING:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import ValidationError as SchemaError

Document = Mapping[str, Any]

MAX_CHARACTERS = 100_000
MAX_PROBLEMS = 50  # in one answer
_MAX_SHOWN = 80  # characters of a value
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "boolean": "true or false",
}


def parse(text: str) -> dict[str, Any]:
    """Return the content's members.

    Raises:
        ValidationError: with every rule that the content breaks, each with its path.
    """
    document, problems = _read(text)
    if problems:
        raise ValidationError.of(problems)
    return document


def problems_of(text: str) -> list[str]:
    """Return a sentence for each rule that a content breaks; empty where it follows the schema."""
    return _read(text)[1]


def digest(document: Document) -> str:
    """Return the SHA-256 of a content, in hexadecimal: of its members, however they are written."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def written(document: Document) -> str:
    """Return a content as JSON text."""
    return json.dumps(document, ensure_ascii=False)


def model_id(document: Document) -> str:
    """Return which model a card is about, as Search knows it; empty where it names none."""
    overview = document.get("model_overview", {})
    package = document.get("model_package_details", {})
    return str(overview.get("model_id") or package.get("model_package_arn") or "")


def registry_group(document: Document) -> str:
    """Return the registry group that a card's model belongs to; empty where it names none."""
    return str(document.get("model_package_details", {}).get("model_package_group_name") or "")


def _read(text: str) -> tuple[dict[str, Any], list[str]]:
    if len(text) > MAX_CHARACTERS:
        return {}, [
            f"Content has {len(text)} characters, and at most {MAX_CHARACTERS} are kept: shorten "
            "it, for instance by leaving points of curves out"
        ]
    try:
        document = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_without_twice,
        )
        # Half of a surrogate pair, which JSON can spell and UTF-8 cannot.
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return {}, ["Content holds half of a surrogate pair: leave it out"]
    except RecursionError:
        return {}, ["Content is nested too deeply to be a model card"]
    except ValueError as error:
        return {}, [f"Content is not JSON: {error}"]
    errors = sorted(
        _validator().iter_errors(document), key=lambda error: list(map(str, error.path))
    )
    problems = list(itertools.islice(_sentences(errors), MAX_PROBLEMS + 1))
    if len(problems) > MAX_PROBLEMS:
        problems[-1] = "and there are more"
    return (document if isinstance(document, dict) else {}), problems


@cache
def _validator() -> Draft7Validator:
    from jsonschema import Draft7Validator  # not needed before the first card

    schema = resources.files(__package__).joinpath("content_schema.json").read_text()
    return Draft7Validator(json.loads(schema))


def _sentences(errors: Iterable[SchemaError]) -> Iterator[str]:
    for error in errors:
        path = _path(error)
        rule = error.validator_value
        match error.validator:
            case "additionalProperties":
                yield from _unknown(error, path)
            case "required":
                missing = [name for name in rule if name not in error.instance]
                yield from (f"{_joined(path, name)} is missing: it is required" for name in missing)
            case "type":
                yield f"{path} is {_shown(error.instance)}: it must be {_TYPES[rule]}"
            case "enum":
                allowed = ", ".join(map(str, rule))
                yield f"{path} is {_shown(error.instance)}: it must be one of {allowed}"
            case "maxLength":
                yield f"{path} has {len(error.instance)} characters: at most {rule} are allowed"
            case "minLength":
                yield f"{path} is empty: give it a text"
            case "maxItems":
                yield f"{path} has {len(error.instance)} entries: at most {rule} are allowed"
            case "minItems":
                yield f"{path} has {len(error.instance)} entries: at least {rule} are needed"
            case "minimum":
                yield f"{path} is {_shown(error.instance)}: it must be at least {rule}"
            case _:
                yield f"{path}: {error.message[:_MAX_SHOWN]}"


def _unknown(error: SchemaError, path: str) -> Iterator[str]:
    known = list(error.schema["properties"])
    for name in error.instance:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"allowed are {', '.join(known)}"
            yield f"{_joined(path, name[:_MAX_SHOWN])} is not a member of a model card: {hint}"


def _path(error: SchemaError) -> str:
    path = ""
    for step in error.absolute_path:
        path = f"{path}[{step}]" if isinstance(step, int) else _joined(path, step)
    return path or "Content"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path not in ("", "Content") else name


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _without_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that comes twice: two readers would read two contents."""
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"these members come twice in one object: {', '.join(twice)}")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:_MAX_SHOWN]} is too large")
    return value


def _whole(digits: str) -> int:
    _finite(digits)
    return int(digits)
