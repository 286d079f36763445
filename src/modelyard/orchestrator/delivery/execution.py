"""A pipeline at work: publish the source, deploy the stack; or take everything down again.

The workflow looks at the pipeline's row and goes on from there, so it may be run again at any time.
Each of its writes is for one execution: once that is superseded, or the pipeline is to go, the
write is refused and the workflow looks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace

import structlog

from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.archive import archive, archive_key
from modelyard.orchestrator.delivery.pipeline import Execution
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.loader import read_yaml
from modelyard.orchestrator.stacks.phases import PHASES, UPDATABLE
from modelyard.orchestrator.stacks.preview import stack_arn
from modelyard.orchestrator.stacks.state import COMPLETE
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.store.errors import NotFound
from modelyard.store.resources import Resource, Snapshot, Store, Transaction

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 5.0


class _LookAgain(Exception):
    """The pipeline's row says something else by now."""


class Deliverer:
    """The workflow of pipelines.

    Args:
        assets: gives an account's assets bucket.
        poll_seconds: between two looks at a stack.
    """

    def __init__(
        self,
        store: Store,
        engine: StackEngine,
        assets: Callable[[str], Assets],
        *,
        poll_seconds: float = 0.2,
    ) -> None:
        self._store = store
        self._engine = engine
        self._assets = assets
        self._poll_seconds = poll_seconds

    async def run(self, arn: str) -> None:
        """Bring a pipeline to rest: the workflow's function."""
        while True:
            pipeline = await asyncio.to_thread(self._find, arn)
            if pipeline is None:
                return
            try:
                if pipeline.status == rows.DELETING:
                    await self._take_down(pipeline)
                elif pipeline.status == rows.IN_PROGRESS:
                    await self._execute(pipeline)
                else:
                    return
            except _LookAgain:
                continue
            except Exception as error:
                # What went wrong with an action is written down below. Here even that could not
                # be (a full disk, a locked database): it is tried again until it can.
                log.error("pipeline cannot be written", pipeline=arn, reason=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _execute(self, pipeline: Resource) -> None:
        execution = Execution.of(pipeline)
        if execution.source.status != rows.SUCCEEDED:
            execution = await self._publish(pipeline, execution)
        if execution.source.status == rows.SUCCEEDED:
            await self._deploy(pipeline, execution)

    async def _publish(self, pipeline: Resource, execution: Execution) -> Execution:
        """Write the source's archive to the assets bucket."""
        spec = pipeline.spec
        data = archive(spec["template_file"], spec["template"], spec["parameters"])
        version = hashlib.sha256(data).hexdigest()
        assets = self._assets(pipeline.scope.account)
        key = archive_key(spec["stack_name"])
        try:
            await asyncio.to_thread(assets.put, key, data)
        except Exception as error:
            log.warning("source not published", pipeline=pipeline.arn, reason=str(error))
            source = execution.source.evolve(
                rows.FAILED, error=f"s3://{assets.bucket}/{key}: {error}"
            )
            return await self._save(pipeline, replace(execution, source=source, status=rows.FAILED))
        source = execution.source.evolve(
            rows.SUCCEEDED, summary=f"Amazon S3 version id: {version}", external_id=version
        )
        deploy = execution.deploy.evolve(rows.IN_PROGRESS)
        return await self._save(pipeline, replace(execution, source=source, deploy=deploy))

    async def _deploy(self, pipeline: Resource, execution: Execution) -> None:
        """Ask for the stack, once for each execution, and wait until it is at rest."""
        while True:
            stack = await asyncio.to_thread(self._step, pipeline, execution)
            if stack is not None:
                break
            await asyncio.sleep(self._poll_seconds)
        name = stack.name
        reason = str(stack.observed.get("reason") or "")
        if stack.status in COMPLETE:
            deploy = execution.deploy.evolve(
                rows.SUCCEEDED, summary=_summary(stack), external_id=stack.arn
            )
        else:
            deploy = execution.deploy.evolve(
                rows.FAILED,
                summary=f"Stack {name} is {stack.status}.",
                error=reason or f"Stack {name} is {stack.status}",
                external_id=stack.arn,
            )
        status = deploy.status or rows.FAILED
        await self._save(pipeline, replace(execution, deploy=deploy, status=status))

    def _step(self, pipeline: Resource, execution: Execution) -> Resource | None:
        """Take the next step to the stack, and return it once it is at rest for this execution."""
        with self._store.read() as snapshot:
            # Most of the time there is nothing to do but to wait, and waiting takes no write lock.
            self._check(snapshot, pipeline, execution)
            stack = snapshot.find(pipeline.scope, STACK, pipeline.spec["stack_name"])
            if stack is not None and stack.status in PHASES:
                return None
        with self._store.write() as transaction:
            self._check(transaction, pipeline, execution)
            stack = transaction.find(pipeline.scope, STACK, pipeline.spec["stack_name"])
            if stack is None:
                self._create(transaction, pipeline, execution)
            elif stack.status in PHASES:
                return None
            elif stack.spec["deployment"] == execution.id:
                return stack
            elif stack.status in UPDATABLE:
                self._engine.update(
                    transaction,
                    rows.context_of(pipeline),
                    stack,
                    template=read_yaml(pipeline.spec["template"]),
                    parameters=pipeline.spec["parameters"],
                    deployment=execution.id,
                )
            else:
                # What is left of a failed creation, or deletion, is replaced as a whole.
                self._engine.delete(
                    transaction, rows.context_of(pipeline), stack, deployment=execution.id
                )
            return None

    def _create(self, transaction: Transaction, pipeline: Resource, execution: Execution) -> None:
        name = pipeline.spec["stack_name"]
        self._engine.create(
            transaction,
            rows.context_of(pipeline),
            name,
            arn=stack_arn(pipeline.scope, name, str(uuid.uuid4())),
            template=read_yaml(pipeline.spec["template"]),
            parameters=pipeline.spec["parameters"],
            tags={"stack_name": name},
            deployment=execution.id,
        )

    async def _take_down(self, pipeline: Resource) -> None:
        """Delete the stack that the pipeline deployed, then the pipeline with its own stack."""
        while True:
            done = await asyncio.to_thread(self._take_down_step, pipeline)
            if done:
                return
            await asyncio.sleep(self._poll_seconds)

    def _take_down_step(self, pipeline: Resource) -> bool:
        with self._store.write() as transaction:
            current = self._current(transaction, pipeline)
            if current.status != rows.DELETING:
                raise _LookAgain
            own = transaction.get_by_arn(pipeline.spec["pipeline_stack"])
            stack = transaction.find(pipeline.scope, STACK, pipeline.spec["stack_name"])
            deletion = current.observed["deletion"]
            if stack is None:
                transaction.delete(transaction.update(own, status="DELETE_COMPLETE"))
                transaction.delete(current)
                return True
            if stack.status == "DELETE_FAILED" and stack.spec["deployment"] == deletion:
                reason = f"Stack {stack.name}: {stack.observed.get('reason')}"
                transaction.update(own, status="DELETE_FAILED", observed={"reason": reason})
                transaction.update(current, status=rows.DELETE_FAILED)
                return True
            if stack.status != "DELETE_IN_PROGRESS":
                context = rows.context_of(current)
                self._engine.delete(transaction, context, stack, deployment=deletion)
            return False

    async def _save(self, pipeline: Resource, execution: Execution) -> Execution:
        def save() -> None:
            with self._store.write() as transaction:
                current = self._check(transaction, pipeline, execution)
                changed = transaction.update(
                    current,
                    status=execution.status,
                    observed={"execution": execution.to_json()},
                )
                if changed.status == current.status:
                    transaction.announce(changed)  # an action has ended, or begun

        await asyncio.to_thread(save)
        return execution

    def _check(self, snapshot: Snapshot, pipeline: Resource, execution: Execution) -> Resource:
        """Return the pipeline, if this execution is still its newest and still to run."""
        current = self._current(snapshot, pipeline)
        if current.status != rows.IN_PROGRESS or Execution.of(current).id != execution.id:
            raise _LookAgain
        return current

    def _current(self, snapshot: Snapshot, pipeline: Resource) -> Resource:
        try:
            return snapshot.get_by_arn(pipeline.arn)
        except NotFound as error:
            raise _LookAgain from error

    def _find(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            try:
                return snapshot.get_by_arn(arn)
            except NotFound:
                return None


def _summary(stack: Resource) -> str:
    if stack.status == "CREATE_COMPLETE":
        return f"Stack {stack.name} was created."
    if stack.observed.get("touched"):
        return f"Stack {stack.name} was updated."
    return f"Stack {stack.name} is up to date: no updates are to be performed."
