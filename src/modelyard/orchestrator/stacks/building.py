"""Bringing a stack's resources to what its template asks for, one after the other.

Everything is written down ahead of the call that does it, so that after a crash the same code,
run again from the beginning, finds how far it was: a name without a resource is created, one with
is waited for, and nothing is created twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from modelyard.orchestrator.stacks.attempts import Attempts
from modelyard.orchestrator.stacks.difference import Action, Step, step_for
from modelyard.orchestrator.stacks.errors import EvaluationError, ResourceFailed
from modelyard.orchestrator.stacks.evaluation import Evaluation
from modelyard.orchestrator.stacks.instances import Existing, fresh_record, same_name_text
from modelyard.orchestrator.stacks.ledger import Change, Ledger
from modelyard.orchestrator.stacks.reading import load
from modelyard.orchestrator.stacks.removal import Remover
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import Record, Stack
from modelyard.orchestrator.stacks.template import ResourceDeclaration, Template


class Builder:
    """Creates, updates and replaces."""

    def __init__(
        self, types: Mapping[str, ResourceType], attempts: Attempts, remover: Remover
    ) -> None:
        self._types = types
        self._attempts = attempts
        self._remover = remover

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
            row = stack.row
            fresh = fresh_record(
                kind, declaration, row.scope, row.name, row.spec["deployment"], desired
            )
            return await self._create(ledger, kind, fresh.evolve(**wanted), record)
        if step.action is Action.RESUME:
            return await self._attempts.create(ledger, kind, record)
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
            if await self._attempts.is_there(stack, kind, kept):
                return stack
            lost = Change(release=[kept.key]) if step.restored else Change(forget=[logical_id])
            await ledger.write(lost)

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
        return await self._attempts.create(ledger, kind, record)

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
        return await self._attempts.update(ledger, kind, record)

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


def _step(stack: Stack, kind: ResourceType, logical_id: str, desired: Mapping[str, Any]) -> Step:
    before = [item for item in stack.superseded if item.logical_id == logical_id]
    return step_for(kind, stack.records.get(logical_id), before, desired)


def _used(template: Template, declaration: ResourceDeclaration, stack: Stack) -> list[str]:
    needed = template.needed_by(declaration.logical_id)
    return [name for name in needed if name in stack.records]
