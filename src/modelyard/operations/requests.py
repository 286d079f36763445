"""What every operation reads from its call the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.store.resources import Scope


def scope_of(context: Context) -> Scope:
    """Return where the caller's resources live."""
    return Scope(account=context.account, region=context.region)


def spec_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a resource keeps of its create request: all but the tags, kept apart."""
    return {key: value for key, value in request.items() if key != "Tags"}


def tags_of(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the `Tags` of a create request by key.

    Raises:
        ValidationError: a key comes twice.
    """
    tags: dict[str, str] = {}
    for tag in request.get("Tags") or []:
        if tag["Key"] in tags:
            raise ValidationError(f"Tag key {tag['Key']!r} is given twice: give each key once")
        tags[tag["Key"]] = tag["Value"]
    return tags
