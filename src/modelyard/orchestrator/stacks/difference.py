"""What has to happen to one resource, so that it becomes what the template asks for."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import Record
from modelyard.store.resources import Json


class Action(enum.Enum):
    KEEP = "keep"
    CREATE = "create"
    RESUME = "resume"  # its creation was begun, before a crash
    RESTORE = "restore"  # what it was replaced by did not work out: take the old one again
    UPDATE = "update"
    REPLACE = "replace"  # create another, then delete this one


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do. `changed` names the properties that differ, `restored` what to take."""

    action: Action
    changed: Sequence[str] = ()
    restored: Record | None = None


def step_for(
    kind: ResourceType, record: Record | None, superseded: Sequence[Record], desired: Json
) -> Step:
    """Return what to do.

    Args:
        kind: the type that the template gives the resource now.
        record: the resource as it is, or None where there is none.
        superseded: what the same logical id was before, still there.
        desired: the properties that it is to have.
    """
    old = next((item for item in superseded if _fits(item, kind, desired)), None)
    if record is None:
        return Step(action=Action.CREATE) if old is None else _restore(old)
    changed = changed_properties(record.properties, desired)
    if record.type == kind.type:
        if record.is_complete and not changed:
            return Step(action=Action.KEEP)
        if record.status == "CREATE_IN_PROGRESS" and not changed:
            return Step(action=Action.RESUME)
        if old is None and _can_update(record) and set(changed) <= set(kind.updatable):
            return Step(action=Action.UPDATE, changed=changed)
    if old is not None:
        return _restore(old)
    return Step(action=Action.REPLACE, changed=changed)


def changed_properties(before: Json, after: Json) -> list[str]:
    """Return the names of the properties that differ, sorted."""
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )


def _fits(record: Record, kind: ResourceType, desired: Json) -> bool:
    return record.type == kind.type and record.is_complete and record.properties == desired


def _can_update(record: Record) -> bool:
    return record.is_complete or record.status.startswith("UPDATE_")


def _restore(old: Record) -> Step:
    return Step(action=Action.RESTORE, restored=old)
