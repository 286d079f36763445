"""A pipeline at work: one action after the other, or everything taken down again.

The workflow looks at the pipeline's row and goes on from there, so it may be run again at any time.
Each of its writes is for one action of one execution: once that is superseded or stopped, or the
pipeline is to go, the write is refused and the workflow looks again. Where a person has to approve
it ends: the approval starts the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.plan import StagePlan, plan_of
from modelyard.orchestrator.delivery.removal import Remover
from modelyard.orchestrator.delivery.runs import (
    IN_PROGRESS,
    STOPPING,
    Action,
    Execution,
    Stage,
)
from modelyard.orchestrator.delivery.work import LookAgain, Work
from modelyard.store.resources import Json, Resource, Snapshot, Store

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 5.0

#: Carries out one action and returns it as it ended.
#: Raises `LookAgain` where it is no longer to be carried out.
Carry = Callable[[Work], Awaitable[Action]]


class Deliverer:
    """The workflow of pipelines.

    Args:
        carry: what carries out the actions of each kind but approvals, which people do.
        poll_seconds: between two looks at a stack that goes.
    """

    def __init__(
        self,
        store: Store,
        remover: Remover,
        carry: Mapping[str, Carry],
        *,
        poll_seconds: float = 0.2,
    ) -> None:
        self._store = store
        self._remover = remover
        self._carry = carry
        self._poll_seconds = poll_seconds

    async def run(self, arn: str) -> None:
        """Bring a pipeline to rest, or to an approval: the workflow's function."""
        while True:
            pipeline = await asyncio.to_thread(self._find, arn)
            if pipeline is None:
                return
            try:
                if pipeline.status == rows.DELETING:
                    await self._take_down(pipeline)
                elif pipeline.status == IN_PROGRESS:
                    await self._execute(pipeline)
                else:
                    return
            except LookAgain:
                continue
            except Exception as error:
                # What went wrong with an action is written down below. Here even that could not
                # be (a full disk, a locked database): it is tried again until it can.
                log.error("pipeline cannot be written", pipeline=arn, reason=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _execute(self, pipeline: Resource) -> None:
        """Carry out the action that is to be, and write down how it ended and what follows."""
        execution = rows.execution_in(pipeline)
        source = await asyncio.to_thread(self._source, pipeline, execution)
        plan = plan_of(source, pipeline.scope.account)
        found = execution.at_work
        if found is None:
            await self._write(pipeline, execution, None, plan)
            return
        stage, action = found
        work = Work(
            pipeline=pipeline,
            execution=execution,
            source=source,
            stage=stage,
            action=action,
            plan=next((one for one in plan if one.name == stage.name), None),
            check=self._check,
        )
        ended = await self._carry[action.kind](work)
        await self._write(pipeline, execution, (stage, ended), plan)

    async def _write(
        self,
        pipeline: Resource,
        execution: Execution,
        ended: tuple[Stage, Action] | None,
        plan: Sequence[StagePlan],
    ) -> None:
        texts = {one.approval.name: one.approval.text for one in plan if one.approval is not None}

        def write() -> None:
            with self._store.write() as transaction:
                current = self._check(transaction, pipeline, execution, ended and ended[1])
                # As it is now: somebody may have asked meanwhile that it stops.
                now = rows.execution_in(current)
                if ended is None:
                    changed = now.going_on(texts)
                else:
                    changed = now.settled(ended[0].name, ended[1], texts)
                rows.save(transaction, current, changed)

        await asyncio.to_thread(write)

    async def _take_down(self, pipeline: Resource) -> None:
        while True:
            if await asyncio.to_thread(self._remover.step, pipeline):
                return
            await asyncio.sleep(self._poll_seconds)

    def _source(self, pipeline: Resource, execution: Execution) -> Json:
        with self._store.read() as snapshot:
            return rows.source_of(snapshot, pipeline, execution.id)

    def _check(
        self,
        snapshot: Snapshot,
        pipeline: Resource,
        execution: Execution,
        action: Action | None = None,
    ) -> Resource:
        """Return the pipeline, if an action of its newest execution is still at work.

        Raises:
            LookAgain: it is not.
        """
        current = snapshot.find_by_arn(pipeline.arn)
        if current is None or current.status != IN_PROGRESS:
            raise LookAgain
        now = rows.execution_in(current)
        at_work = now.at_work
        if now.id != execution.id or now.status not in (IN_PROGRESS, STOPPING):
            raise LookAgain
        if action is not None and (at_work is None or at_work[1].id != action.id):
            raise LookAgain
        return current

    def _find(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            return snapshot.find_by_arn(arn)
