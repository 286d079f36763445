"""Bringing a stack's resources to what its template asks for, one after the other.

Everything is written down ahead of the call that does it, so that after a crash the same code,
run again from the beginning, finds how far it was: a name without a resource is created, one with
is waited for, and nothing is created twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from modelyard.orchestrator.stacks.difference import Action, Step, changed_properties, step_for
from modelyard.orchestrator.stacks.errors import EvaluationError, ResourceFailed
from modelyard.orchestrator.stacks.evaluation import Evaluation
from modelyard.orchestrator.stacks.ledger import Change, Ledger
from modelyard.orchestrator.stacks.removal import Remover
from modelyard.orchestrator.stacks.resources import DEPLOYMENT_TAG, OWNER_TAG, ResourceType
from modelyard.orchestrator.stacks.state import Record, Stack
from modelyard.orchestrator.stacks.template import ResourceDeclaration, Template, load
from modelyard.store.resources import Scope


@dataclass(frozen=True, kw_only=True)
class Existing:
    """A resource of a stack, as the template's other values see it."""

    kind: ResourceType
    scope: Scope
    record: Record

    @property
    def reference(self) -> str:
        return self.record.reference

    def attribute(self, name: str) -> str:
        return self.kind.attribute(self.scope, self.record.name, name)


class Builder:
    """Creates, updates and replaces.

    Args:
        poll_seconds: between two looks at a resource that is on its way.
        patience_seconds: how long a resource may be on its way.
    """

    def __init__(
        self,
        types: Mapping[str, ResourceType],
        remover: Remover,
        *,
        poll_seconds: float,
        patience_seconds: float,
    ) -> None:
        self._types = types
        self._remover = remover
        self._poll_seconds = poll_seconds
        self._patience_seconds = patience_seconds

    async def build(self, ledger: Ledger) -> None:
        """Bring every resource of the target to what it is to be.

        Raises:
            ResourceFailed: one could not be; those ahead of it are.
            PhaseLeft: the stack is to do something else now.
        """
        stack = await ledger.read()
        template = load(stack.row.spec["template"], self._types)
        there: dict[str, Existing] = {}
        evaluation = Evaluation(template, stack.row.spec["parameters"], stack.identity, there)
        for declaration in evaluation.resources():
            kind = self._types[declaration.type]
            try:
                record = await self._bring(ledger, template, evaluation, declaration)
            except (ResourceFailed, EvaluationError, ClientError) as error:
                raise ResourceFailed(f"{declaration.logical_id}: {error}") from error
            there[declaration.logical_id] = Existing(
                kind=kind, scope=stack.row.scope, record=record
            )

    async def _bring(
        self,
        ledger: Ledger,
        template: Template,
        evaluation: Evaluation,
        declaration: ResourceDeclaration,
    ) -> Record:
        logical_id = declaration.logical_id
        kind = self._types[declaration.type]
        desired = kind.coerced(evaluation.properties(declaration), logical_id)
        stack = await self._without_lost(ledger, kind, logical_id, desired)
        record = stack.records.get(logical_id)
        step = _step(stack, kind, logical_id, desired)
        wanted = {
            "uses": [stack.records[name].key for name in _used(template, declaration, stack)],
            "deletion_policy": declaration.deletion_policy,
            "replace_policy": declaration.replace_policy,
        }
        if step.restored is not None:
            return await self._restore(ledger, record, step.restored)
        if record is None or step.action is Action.REPLACE:
            fresh = self._fresh(stack, declaration, kind, desired).evolve(**wanted)
            return await self._create(ledger, kind, fresh, record)
        if step.action is Action.RESUME:
            return await self._settle_creation(ledger, kind, record)
        record = record.evolve(**wanted)
        if step.action is Action.UPDATE:
            return await self._update(ledger, kind, record, desired)
        if record != stack.records[logical_id]:
            await ledger.write(Change(put=[record]))
        return record

    async def _without_lost(
        self, ledger: Ledger, kind: ResourceType, logical_id: str, desired: Mapping[str, Any]
    ) -> Stack:
        """Return the stack; what would be kept, but was deleted behind its back, is forgotten."""
        while True:
            stack = await ledger.read()
            step = _step(stack, kind, logical_id, desired)
            kept = step.restored or stack.records.get(logical_id)
            if step.action not in (Action.KEEP, Action.UPDATE, Action.RESTORE) or kept is None:
                return stack
            if await self._is_ours(stack, kind, kept):
                return stack
            lost = Change(release=[kept.key]) if step.restored else Change(forget=[logical_id])
            await ledger.write(lost)

    async def _is_ours(self, stack: Stack, kind: ResourceType, record: Record) -> bool:
        return await asyncio.to_thread(_ours, kind, stack, record.name)

    def _fresh(
        self,
        stack: Stack,
        declaration: ResourceDeclaration,
        kind: ResourceType,
        desired: Mapping[str, Any],
    ) -> Record:
        logical_id = declaration.logical_id
        name = kind.given_name(desired) or kind.new_name(stack.row.name, logical_id)
        return Record(
            logical_id=logical_id,
            type=declaration.type,
            name=name,
            reference=kind.reference(stack.row.scope, name),
            status="CREATE_IN_PROGRESS",
            properties=desired,
        )

    async def _create(
        self, ledger: Ledger, kind: ResourceType, record: Record, replaced: Record | None
    ) -> Record:
        stack = await ledger.read()
        if replaced is not None and replaced.key == record.key:
            if replaced.is_complete or replaced.status.startswith("UPDATE_"):
                raise ResourceFailed(same_name_text(record, replaced))
            # What an earlier attempt left under the name that the template gives.
            await self._remover.remove(stack, replaced)
            replaced = None
        for left in stack.superseded:
            if left.key == record.key:
                await self._remover.remove(stack, left)
        await ledger.write(
            Change(
                put=[record],
                supersede=[] if replaced is None else [replaced],
                release=[record.key],
                touched=[record.logical_id],
            )
        )
        return await self._settle_creation(ledger, kind, record)

    async def _settle_creation(self, ledger: Ledger, kind: ResourceType, record: Record) -> Record:
        return await self._attempt(ledger, kind, record, "CREATE", _begin_creation)

    async def _update(
        self,
        ledger: Ledger,
        kind: ResourceType,
        record: Record,
        desired: Mapping[str, Any],
    ) -> Record:
        resumed = record.status == "UPDATE_IN_PROGRESS" and record.properties == desired
        record = record.evolve(
            status="UPDATE_IN_PROGRESS",
            reason="",
            before=record.before if resumed else record.properties,
            properties=desired,
        )
        await ledger.write(Change(put=[record], touched=[record.logical_id]))
        return await self._attempt(ledger, kind, record, "UPDATE", _begin_update)

    async def _attempt(
        self,
        ledger: Ledger,
        kind: ResourceType,
        record: Record,
        verb: str,
        begin: Callable[[ResourceType, Stack, Record], None],
    ) -> Record:
        """Begin something, wait until it has settled, and write down how it went."""
        stack = await ledger.read()
        try:
            await asyncio.to_thread(begin, kind, stack, record)
            await self._settle(ledger, kind, record)
        except (ResourceFailed, ClientError) as error:
            failed = record.evolve(status=f"{verb}_FAILED", reason=str(error))
            await ledger.write(Change(put=[failed]))
            raise
        done = record.evolve(status=f"{verb}_COMPLETE", reason="", before=None)
        await ledger.write(Change(put=[done]))
        return done

    async def _settle(self, ledger: Ledger, kind: ResourceType, record: Record) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            stack = await ledger.read()  # also: is this still to be done?
            description = await asyncio.to_thread(kind.find, stack.context, record.name)
            if description is None:
                raise ResourceFailed(f"{record.name} was deleted by somebody else")
            progress = kind.progress(description, record.properties)
            if progress.failure is not None:
                raise ResourceFailed(progress.failure)
            if progress.settled:
                return
            if time.monotonic() > deadline:
                raise ResourceFailed(
                    f"{record.name} was not ready within {self._patience_seconds:.0f} seconds"
                )
            await asyncio.sleep(self._poll_seconds)

    async def _restore(self, ledger: Ledger, record: Record | None, old: Record) -> Record:
        await ledger.write(
            Change(
                put=[old],
                release=[old.key],
                supersede=[] if record is None else [record],
                touched=[old.logical_id],
            )
        )
        return old


def same_name_text(record: Record, replaced: Record) -> str:
    """Return why a resource whose name is given cannot be replaced."""
    changed = ", ".join(changed_properties(replaced.properties, record.properties))
    return (
        f"{changed} cannot be changed in place, and {record.name!r} exists already: "
        "give the new one another name"
    )


def _step(stack: Stack, kind: ResourceType, logical_id: str, desired: Mapping[str, Any]) -> Step:
    before = [item for item in stack.superseded if item.logical_id == logical_id]
    return step_for(kind, stack.records.get(logical_id), before, desired)


def _used(template: Template, declaration: ResourceDeclaration, stack: Stack) -> list[str]:
    needed = template.needed_by(declaration.logical_id)
    return [name for name in needed if name in stack.records]


def _ours(kind: ResourceType, stack: Stack, name: str) -> bool:
    description = kind.find(stack.context, name)
    return description is not None and kind.is_owned(stack.context, description, stack.row.arn)


def _begin_creation(kind: ResourceType, stack: Stack, record: Record) -> None:
    own = {OWNER_TAG: stack.row.arn, DEPLOYMENT_TAG: stack.row.spec["deployment"]}
    description = kind.find(stack.context, record.name)
    if description is None:
        tags = {**stack.row.spec["tags"], **own}
        kind.create(stack.context, record.name, record.properties, tags)
    elif not own.items() <= kind.tags(stack.context, description).items():
        raise ResourceFailed(taken_text(record.name))
    # Otherwise this very creation was begun before a crash.


def taken_text(name: str) -> str:
    """Return why a name that the template gives cannot be had."""
    return f"{name!r} exists already: choose another name"


def _begin_update(kind: ResourceType, stack: Stack, record: Record) -> None:
    kind.update(stack.context, record.name, record.before or {}, record.properties)
