"""Stacks: asked for in a transaction, then carried out by a workflow that survives a crash.

A stack's status is the phase that it is in, and `run` follows the table of phases from whatever
phase the row says; it may be run again from its beginning at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from modelyard.operations.context import Context
from modelyard.orchestrator.stacks import state
from modelyard.orchestrator.stacks.attempts import Attempts
from modelyard.orchestrator.stacks.building import Builder
from modelyard.orchestrator.stacks.errors import ResourceFailed, StackBusy
from modelyard.orchestrator.stacks.evaluation import Evaluation
from modelyard.orchestrator.stacks.instances import Existing
from modelyard.orchestrator.stacks.ledger import Ledger, PhaseLeft
from modelyard.orchestrator.stacks.phases import PHASES, UPDATABLE, Phase
from modelyard.orchestrator.stacks.reading import load
from modelyard.orchestrator.stacks.removal import Remover
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import Stack
from modelyard.store.errors import NotFound, StorageFull
from modelyard.store.resources import Json, Resource, Scope, Store, Transaction
from modelyard.workflows.starter import WorkflowStarter

log = structlog.get_logger(__name__)

#: The workflow's name, for `Engine.register`.
WORKFLOW = "stack"

_RETRY_SECONDS = 5.0


#: Without anything that could be shown.
_EMPTY = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")


class StackEngine:
    """Creates, updates and deletes stacks.

    Args:
        types: the resources that templates may have, by type.
        poll_seconds: between two looks at a resource that is on its way.
        patience_seconds: how long a resource may be on its way.
    """

    def __init__(
        self,
        store: Store,
        workflows: WorkflowStarter,
        types: Mapping[str, ResourceType],
        *,
        poll_seconds: float = 0.2,
        patience_seconds: float = 3600.0,
    ) -> None:
        self._store = store
        self._workflows = workflows
        self.types = types
        waits = {"poll_seconds": poll_seconds, "patience_seconds": patience_seconds}
        self._remover = Remover(types, **waits)
        self._builder = Builder(types, Attempts(**waits), self._remover)

    def create(
        self,
        transaction: Transaction,
        context: Context,
        name: str,
        *,
        arn: str,
        template: Json,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
        deployment: str,
    ) -> Resource:
        """Begin to create a stack, with the transaction.

        Args:
            template: as plain data, which `template.load` found right.
            parameters: text, which `evaluation.parameter_problems` found right.
            tags: of the stack, and of each of its resources.
            deployment: an id of the caller's own, to know its request again by.

        Raises:
            AlreadyExists: there is a stack of that name.
        """
        stack = transaction.create(
            Scope(account=context.account, region=context.region),
            state.KIND,
            name,
            arn=arn,
            spec=_target(context, template, parameters, deployment) | {"tags": dict(tags)},
            status="CREATE_IN_PROGRESS",
            tags=tags,
        )
        self._workflows.start(transaction, WORKFLOW, arn)
        return stack

    def update(
        self,
        transaction: Transaction,
        context: Context,
        stack: Resource,
        *,
        template: Json,
        parameters: Mapping[str, str],
        deployment: str,
    ) -> Resource:
        """Begin to bring a stack to another template, or to other parameters.

        Raises:
            StackBusy: it is in no state to be updated.
        """
        if stack.status not in UPDATABLE:
            raise StackBusy(f"the stack {stack.name} is {stack.status}: it cannot be updated now")
        changed = transaction.update(
            stack,
            status="UPDATE_IN_PROGRESS",
            spec={**stack.spec, **_target(context, template, parameters, deployment)},
            observed={
                "previous": {key: stack.spec[key] for key in ("template", "parameters")},
                "reason": "",
                "touched": [],
            },
        )
        self._workflows.start(transaction, WORKFLOW, stack.arn)
        return changed

    def delete(
        self, transaction: Transaction, context: Context, stack: Resource, *, deployment: str
    ) -> Resource:
        """Begin to delete a stack, whatever it is doing; once it is being deleted, nothing."""
        if stack.status == "DELETE_IN_PROGRESS":
            return stack
        changed = transaction.update(
            stack,
            status="DELETE_IN_PROGRESS",
            spec={**stack.spec, **_caller(context, deployment)},
            observed={"reason": ""},
        )
        self._workflows.start(transaction, WORKFLOW, stack.arn)
        return changed

    def outputs(self, row: Resource) -> dict[str, str]:
        """Return a stack's outputs, as far as the resources are there that they tell of.

        They are worked out when they are asked for: a URL of this server may be another one
        after each start.
        """
        if row.status in _EMPTY or row.status.startswith("DELETE_"):
            return {}
        if "template" not in row.spec:
            return dict(row.observed.get("outputs", {}))  # a stack that has no template
        target = row.observed.get("previous") or row.spec
        stack = Stack.of(row)
        there = {
            logical_id: Existing(kind=self.types[record.type], scope=row.scope, record=record)
            for logical_id, record in stack.records.items()
        }
        template = load(target["template"], self.types)
        return Evaluation(template, target["parameters"], stack.identity, there).outputs()

    async def run(self, arn: str) -> None:
        """Work on a stack until it is at rest: the workflow's function."""
        while True:
            status = await asyncio.to_thread(self._status, arn)
            phase = PHASES.get(status or "")
            if status is None or phase is None:
                return
            try:
                await self._work(Ledger(self._store, arn, status), phase)
            except PhaseLeft:
                continue
            except Exception as error:
                # What went wrong with a resource is written down below. Here even that could not
                # be (a full disk, a locked database): it is tried again until it can.
                log.error("stack cannot be written", stack=arn, reason=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _work(self, ledger: Ledger, phase: Phase) -> None:
        try:
            await {"build": self._builder.build, "tidy": self._tidy, "clear": self._clear}[
                phase.work
            ](ledger)
        except (PhaseLeft, StorageFull):
            raise
        except ResourceFailed as error:
            await self._failed(ledger, phase, str(error))
        except Exception as error:
            log.exception("stack failed", stack=ledger.arn, phase=ledger.phase)
            await self._failed(ledger, phase, f"InternalFailure: {type(error).__name__}: {error}")
        else:
            await self._done(ledger, phase)

    async def _tidy(self, ledger: Ledger) -> None:
        """Delete what the target does not have: what was replaced, and what was taken out."""
        stack = await ledger.read()
        template = load(stack.row.spec["template"], self.types)
        evaluation = Evaluation(template, stack.row.spec["parameters"], stack.identity, {})
        wanted = {resource.logical_id for resource in evaluation.resources()}
        removed = [record for key, record in stack.records.items() if key not in wanted]
        rolling_back = ledger.phase.startswith("UPDATE_ROLLBACK")
        await self._remover.clear(ledger, [*stack.superseded, *removed], rolling_back=rolling_back)

    async def _clear(self, ledger: Ledger) -> None:
        """Delete everything."""
        stack = await ledger.read()
        rolling_back = ledger.phase == "ROLLBACK_IN_PROGRESS"
        await self._remover.clear(
            ledger, stack.everything(), rolling_back=rolling_back, stack_ends=not rolling_back
        )

    async def _done(self, ledger: Ledger, phase: Phase) -> None:
        if phase.done == "DELETE_COMPLETE":
            await ledger.finish("DELETE_COMPLETE")
        elif ledger.phase == "UPDATE_IN_PROGRESS":
            await ledger.leave(phase.done, found={"previous": None})
        else:
            await ledger.leave(phase.done)

    async def _failed(self, ledger: Ledger, phase: Phase, reason: str) -> None:
        log.warning("stack phase failed", stack=ledger.arn, phase=ledger.phase, reason=reason)
        if ledger.phase == "UPDATE_IN_PROGRESS":
            found = {"reason": reason, "previous": None}
            await ledger.leave(phase.failed, spec=_previous, found=found)
        elif phase.work == "build" and phase.failed == "ROLLBACK_IN_PROGRESS":
            await ledger.leave(phase.failed, found={"reason": reason})
        else:
            # The reason why it was rolled back comes first: it is what the caller can mend.
            stack = await ledger.read()
            reasons = [text for text in (stack.reason, reason) if text]
            await ledger.leave(phase.failed, found={"reason": "; then ".join(reasons)})

    def _status(self, arn: str) -> str | None:
        with self._store.read() as snapshot:
            try:
                return snapshot.get_by_arn(arn).status
            except NotFound:
                return None


def _caller(context: Context, deployment: str) -> dict[str, Any]:
    return {
        "principal": context.principal.to_json(),
        "request_id": context.request_id,
        "deployment": deployment,
    }


def _target(
    context: Context, template: Json, parameters: Mapping[str, str], deployment: str
) -> dict[str, Any]:
    return {
        "template": dict(template),
        "parameters": dict(parameters),
        **_caller(context, deployment),
    }


def _previous(stack: Stack) -> Json:
    return {**stack.row.spec, **stack.row.observed["previous"]}
