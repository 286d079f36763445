"""A pipeline's tags: what a request gives, on every resource that follows from it.

They are written into the blueprint, so that a stack gives them to its resources, changes them with
its next update and takes them back where that fails, as it does with any other property.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from modelyard.store import documents
from modelyard.store.resources import Resource, Transaction

ATTRIBUTE = "tags"
STACK_NAME = "stack_name"
MAX_TAGS = 40  # an API's limit is 50, and some are the platform's own
MAX_KEY, MAX_VALUE = 128, 256  # letters, as of AWS's tags

_PREFIXES = ("AWS::SageMaker::", "Modelyard::")


def read_tags(value: object) -> dict[str, str]:
    """Return the tags that a request gives: an object, or a list of `{"Key", "Value"}`.

    Raises:
        ValueError: with all that is wrong with them.
    """
    if value is None:
        return {}
    pairs = _pairs(value)
    problems = []
    found: dict[str, str] = {}
    for key, text in pairs:
        if not isinstance(key, str) or not isinstance(text, str):
            problems.append(f"{str(key)[:40]!r}: key and value must be text")
        elif not 1 <= len(key) <= MAX_KEY or len(text) > MAX_VALUE:
            problems.append(
                f"{key[:40]!r}: a key has 1 to {MAX_KEY} letters, a value at most {MAX_VALUE}"
            )
        elif not documents.storable(key, text):
            problems.append(f"{key[:40]!r}: leave NUL and halves of surrogate pairs out")
        elif key.lower().startswith(("aws:", "modelyard:")) or key == STACK_NAME:
            problems.append(f"{key[:40]!r} is the platform's own: choose another key")
        elif key in found:
            problems.append(f"{key[:40]!r} is given twice")
        else:
            found[key] = text
    if len(found) > MAX_TAGS:
        problems.append(f"{len(found)} tags are more than {MAX_TAGS}")
    if problems:
        raise ValueError("; ".join(problems))
    return found


def with_tags(template: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a blueprint whose resources have tags, beside those that it gives them."""
    if not tags:
        return dict(template)
    changed = copy.deepcopy(dict(template))
    for declared in changed.get("Resources", {}).values():
        if str(declared.get("Type", "")).startswith(_PREFIXES):
            properties = declared.setdefault("Properties", {})
            own = list(properties.get("Tags", []))
            taken = {tag.get("Key") for tag in own}
            more = [{"Key": key, "Value": tags[key]} for key in tags if key not in taken]
            properties["Tags"] = [*own, *more]
    return changed


def retag(
    transaction: Transaction,
    row: Resource,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Bring a row's tags from those that a request gave to those that the next one gives."""
    transaction.untag(row, sorted(before.keys() - after.keys()))
    transaction.tag(row, after)


def _pairs(value: object) -> list[tuple[object, object]]:
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list) and all(
        isinstance(one, Mapping) and set(one) == {"Key", "Value"} for one in value
    ):
        return [(one["Key"], one["Value"]) for one in value]
    raise ValueError('must be an object, {"team": "risk"}, or a list of {"Key", "Value"}')
