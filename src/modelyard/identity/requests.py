"""What the identity services' operations read from their requests the same way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from modelyard.arns import Arn
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.targets import iam

DEFAULT_ITEMS = 100
_Item = TypeVar("_Item")


def refuse_members(request: Mapping[str, Any], offered: Collection[str]) -> None:
    """Refuse members that would have to change the outcome, instead of passing them over.

    Raises:
        ValidationError: with all of them.
    """
    refused = sorted(set(request) - set(offered))
    if refused:
        raise ValidationError.of([f"{name!r} is not offered by this server" for name in refused])


def page_of(
    items: Sequence[_Item], names: Sequence[str], request: Mapping[str, Any]
) -> tuple[list[_Item], dict[str, Any]]:
    """Return one page of what is sorted by name, and the members that say how to go on.

    A marker is the last name of the page before, so what comes and goes meanwhile does no harm.

    Args:
        names: of `items`, one by one.
    """
    marker, limit = request.get("Marker", ""), request.get("MaxItems", DEFAULT_ITEMS)
    left = [(name, item) for name, item in zip(names, items, strict=True) if name > marker]
    page, rest = left[:limit], left[limit:]
    found = [item for _, item in page]
    if not rest:
        return found, {"IsTruncated": False}
    return found, {"IsTruncated": True, "Marker": page[-1][0]}


def user_name(context: Context, request: Mapping[str, Any]) -> str:
    """Return the user that a request is about: the caller, where it names none.

    Raises:
        ValidationError: it names none, and the caller is no user.
    """
    named: str | None = request.get("UserName")
    if named:
        return named
    own = _own_name(context)
    if not own:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return own


def own_user(context: Context, request: Mapping[str, Any]) -> str:
    """A target: the user that a request names, or the caller."""
    if not request.get("UserName") and _own_name(context):
        return context.principal.arn
    return iam("user", "UserName")(context, request)


def _own_name(context: Context) -> str:
    try:
        arn = Arn.parse(context.principal.arn)
    except ValueError:
        return ""
    is_user = (arn.service, arn.kind) == ("iam", "user")
    return arn.name.rpartition("/")[2] if is_user else ""
