"""The action that deploys a stage: its assets are carried to its account, then its stack is made.

The stack is asked for once for each action, whose id it keeps. What a stage's account refuses ends
the action with the reason: it may be retried. For an account that cannot be reached the action
waits, and says so, until it can, or until somebody stops it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NetworkError

from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.acting import Acting
from modelyard.orchestrator.delivery.carrying import AssetLost, Carrier
from modelyard.orchestrator.delivery.plan import StagePlan
from modelyard.orchestrator.delivery.runs import IN_PROGRESS, SUCCEEDED, Action
from modelyard.orchestrator.delivery.work import Work
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.loader import read_yaml
from modelyard.orchestrator.stacks.phases import PHASES, UPDATABLE
from modelyard.orchestrator.stacks.preview import stack_arn
from modelyard.orchestrator.stacks.resources import Calls
from modelyard.orchestrator.stacks.state import COMPLETE
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.orchestrator.tags import STACK_NAME, retag, with_tags
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource, Store, Transaction

log = structlog.get_logger(__name__)

#: What an account may answer instead of letting somebody deploy to it.
REFUSALS = (OperationError, ClientError, BotoCoreError, StoreError, AssetLost, OSError)


#: What botocore says where nobody answered, whatever was asked.
UNREACHED = (NetworkError, HTTPClientError)


class DeployRefused(Exception):
    """The stage's account cannot be deployed to; the message says why, and what helps."""


class AccountUnreachable(DeployRefused):
    """Nobody answers for the stage's account just now."""


class StageDeployer:
    """Carries out deploying actions.

    Args:
        poll_seconds: between two looks at a stack.
        pause_seconds: between two tries to reach an account.
    """

    def __init__(
        self,
        store: Store,
        engine: StackEngine,
        calls: Calls,
        acting: Acting,
        carrier: Carrier,
        *,
        poll_seconds: float = 0.2,
        pause_seconds: float = 30.0,
    ) -> None:
        self._store = store
        self._engine = engine
        self._calls = calls
        self._acting = acting
        self._carrier = carrier
        self._poll_seconds = poll_seconds
        self._pause_seconds = pause_seconds

    async def carry_out(self, work: Work) -> Action:
        """Bring the stage's stack to what is delivered; return the action as it ended.

        Raises:
            LookAgain: it is no longer to be carried out.
        """
        try:
            context = await self._reached(work)
        except DeployRefused as error:
            log.warning("stage not deployed", pipeline=work.pipeline.arn, reason=str(error))
            return work.failed(str(error))
        while True:
            stack = await asyncio.to_thread(self._step, work, context)
            if stack is not None:
                return _ended(work, stack)
            await asyncio.sleep(self._poll_seconds)

    async def _reached(self, work: Work) -> Context:
        """Return who deploys, once the account can be reached and has what it needs.

        Raises:
            DeployRefused: it does not let itself be deployed to, or nobody waits for it any more.
            LookAgain: the action is no longer to be carried out.
        """
        while True:
            try:
                return await asyncio.to_thread(self._prepare, work)
            except AccountUnreachable as error:
                log.warning("account not reached", pipeline=work.pipeline.arn, reason=str(error))
                if not await asyncio.to_thread(self._say, work, f"Waiting: {error}"):
                    raise
                await self._pause(work)

    async def _pause(self, work: Work) -> None:
        """Wait until the next try, or until the action is no longer to be carried out."""
        until = time.monotonic() + self._pause_seconds
        while time.monotonic() < until:
            await asyncio.to_thread(self._say, work, None)
            await asyncio.sleep(min(1.0, self._pause_seconds))

    def _say(self, work: Work, text: str | None) -> bool:
        """Show what an action waits for; return whether it is to go on waiting.

        Args:
            text: None leaves it as it is.

        Raises:
            LookAgain: the action is no longer to be carried out.
        """
        with self._store.read() as snapshot:
            work.require(snapshot)
            pipeline = snapshot.get_by_arn(work.pipeline.arn)
        execution = rows.execution_in(pipeline)
        if execution.status != IN_PROGRESS:
            return False
        at_work = execution.at_work
        if text is None or at_work is None or at_work[1].summary == text:
            return True
        with self._store.write() as transaction:
            work.require(transaction)
            current = transaction.get_by_arn(work.pipeline.arn)
            waiting = work.action.evolve(IN_PROGRESS, summary=text)
            changed = rows.execution_in(current).with_action(work.stage.name, waiting)
            rows.save(transaction, current, changed)
        return True

    def _prepare(self, work: Work) -> Context:
        """Return who deploys, once the account has what it needs."""
        plan = work.target
        try:
            hub = self._acting.hub(work.context)
            context = self._acting.stage(work.context, plan.account, plan.role)
            self._reach(context, plan)
            for asset in plan.assets:
                self._carrier.carry(hub, context, asset)
        except UNREACHED as error:
            raise AccountUnreachable(
                f"the account {plan.account} ({plan.title}) cannot be reached "
                f"({type(error).__name__}: {error}): it is tried again every "
                f"{self._pause_seconds:.0f} s"
            ) from error
        except REFUSALS as error:
            raise DeployRefused(
                f"the account {plan.account} ({plan.title}) cannot be deployed to: "
                f"{type(error).__name__}: {error}: mend it, then retry the stage {plan.name}"
            ) from error
        return context

    def _reach(self, context: Context, plan: StagePlan) -> None:
        if plan.provider == "local":
            return
        self._calls.client(context, "sagemaker").list_models(MaxResults=1)
        if plan.assets:
            raise AssetLost(
                "models' archives are not carried to accounts of AWS yet: register the model "
                "there, or give an account of this server"
            )

    def _step(self, work: Work, context: Context) -> Resource | None:
        """Take the next step to the stack, and return it once it is at rest for this action."""
        name = work.target.stack_name
        with self._store.read() as snapshot:
            # Most of the time there is nothing to do but to wait, and waiting takes no write lock.
            work.require(snapshot)
            stack = snapshot.find(work.scope, STACK, name)
            if stack is not None and stack.status in PHASES:
                return None
        with self._store.write() as transaction:
            work.require(transaction)
            stack = transaction.find(work.scope, STACK, name)
            if stack is None:
                self._create(transaction, work, context)
            elif stack.status in PHASES:
                return None
            elif stack.spec["deployment"] == work.action.id:
                return stack
            elif stack.status in UPDATABLE:
                changed = self._engine.update(
                    transaction,
                    context,
                    stack,
                    template=_template(work),
                    parameters=work.target.parameters,
                    deployment=work.action.id,
                )
                self._tag(transaction, work, changed)
            else:
                # What is left of a failed creation, or deletion, is replaced as a whole.
                self._engine.delete(transaction, context, stack, deployment=work.action.id)
            return None

    def _create(self, transaction: Transaction, work: Work, context: Context) -> None:
        name = work.target.stack_name
        stack = self._engine.create(
            transaction,
            context,
            name,
            arn=stack_arn(work.scope, name, str(uuid.uuid4())),
            template=_template(work),
            parameters=work.target.parameters,
            tags={STACK_NAME: name},
            deployment=work.action.id,
        )
        self._tag(transaction, work, stack)

    def _tag(self, transaction: Transaction, work: Work, stack: Resource) -> None:
        """Give a stack the tags of its source; its resources have them by its template."""
        own = transaction.tags(stack)
        given = {**rows.tags_in(work.source), STACK_NAME: stack.name}
        retag(transaction, stack, own, given)


def _template(work: Work) -> dict[str, Any]:
    return with_tags(read_yaml(work.source["template"]), rows.tags_in(work.source))


def _ended(work: Work, stack: Resource) -> Action:
    if stack.status in COMPLETE:
        return work.action.evolve(SUCCEEDED, summary=_summary(stack), external_id=stack.arn)
    said = f"Stack {stack.name} is {stack.status}"
    reason = str(stack.observed.get("reason") or "")
    return work.failed(reason or said, summary=f"{said}.", external_id=stack.arn)


def _summary(stack: Resource) -> str:
    if stack.status == "CREATE_COMPLETE":
        return f"Stack {stack.name} was created."
    if stack.observed.get("touched"):
        return f"Stack {stack.name} was updated."
    return f"Stack {stack.name} is up to date: no updates are to be performed."
