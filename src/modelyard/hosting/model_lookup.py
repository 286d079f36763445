"""Models by their names, whatever their case: as batch transform is asked for them."""

from __future__ import annotations

from modelyard.hosting.model_operations import KIND, find_model
from modelyard.operations.context import Context
from modelyard.operations.errors import ValidationError
from modelyard.operations.requests import scope_of
from modelyard.store.listing import Listing
from modelyard.store.resources import Resource, Snapshot

_PAGE = 1000


def find_model_whatever_case(snapshot: Snapshot, context: Context, name: str) -> Resource:
    """Return the model of that very name, or else the one whose name differs in case only.

    Raises:
        ValidationError: there is none, or there are several.
    """
    if snapshot.find(scope_of(context), KIND, name) is not None:
        return find_model(snapshot, context, name)
    alike = _alike(snapshot, context, name)
    if len(alike) > 1:
        names = ", ".join(sorted(model.name for model in alike))
        raise ValidationError(f"ModelName {name!r} could be any of {names}: give one of them")
    return alike[0] if alike else find_model(snapshot, context, name)


def _alike(snapshot: Snapshot, context: Context, name: str) -> list[Resource]:
    found: list[Resource] = []
    token = None
    while True:
        page = snapshot.list(scope_of(context), KIND, Listing(limit=_PAGE, token=token))
        found += [model for model in page.items if model.name.lower() == name.lower()]
        token = page.token
        if token is None:
            return found
