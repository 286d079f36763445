"""Taking a pipeline down: its stages from the last to the first, then itself."""

from __future__ import annotations

from modelyard.operations.context import Context
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.acting import Acting
from modelyard.orchestrator.delivery.deploying import REFUSALS
from modelyard.orchestrator.delivery.plan import StagePlan
from modelyard.orchestrator.delivery.work import LookAgain
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.store.resources import Resource, Scope, Snapshot, Store, Transaction


class Remover:
    """Takes pipelines down, step by step."""

    def __init__(self, store: Store, engine: StackEngine, acting: Acting) -> None:
        self._store = store
        self._engine = engine
        self._acting = acting

    def step(self, pipeline: Resource) -> bool:
        """Take the next step; return whether nothing is left to do.

        Raises:
            LookAgain: the pipeline is not to go any more, or gone.
        """
        with self._store.read() as snapshot:
            current = _current(snapshot, pipeline)
            found = _last(snapshot, current)
        if found is None:
            return self._finish(current)
        plan, stack = found
        if stack.status == "DELETE_IN_PROGRESS":
            return False
        if stack.status == "DELETE_FAILED" and _is_ours(stack, current):
            return self._fail(current, f"Stack {stack.name}: {stack.observed.get('reason')}")
        try:
            context = self._acting.stage(rows.context_of(current), plan.account, plan.role)
        except REFUSALS as error:
            return self._fail(current, f"Stack {stack.name} in the account {plan.account}: {error}")
        self._delete(current, context, plan)
        return False

    def _delete(self, pipeline: Resource, context: Context, plan: StagePlan) -> None:
        with self._store.write() as transaction:
            current = _current(transaction, pipeline)
            stack = _stack(transaction, current, plan)
            # Looked at again: it may have failed at this very request meanwhile.
            if stack is not None and not (
                stack.status == "DELETE_FAILED" and _is_ours(stack, current)
            ):
                deletion = current.observed["deletion"]
                self._engine.delete(transaction, context, stack, deployment=deletion)

    def _finish(self, pipeline: Resource) -> bool:
        with self._store.write() as transaction:
            current = _current(transaction, pipeline)
            own = transaction.get_by_arn(current.spec["pipeline_stack"])
            transaction.delete(transaction.update(own, status="DELETE_COMPLETE"))
            rows.forget(transaction, current)
        return True

    def _fail(self, pipeline: Resource, reason: str) -> bool:
        with self._store.write() as transaction:
            current = _current(transaction, pipeline)
            own = transaction.get_by_arn(current.spec["pipeline_stack"])
            transaction.update(own, status="DELETE_FAILED", observed={"reason": reason})
            transaction.update(current, status=rows.DELETE_FAILED)
        return True


def _last(snapshot: Snapshot, pipeline: Resource) -> tuple[StagePlan, Resource] | None:
    """Return the last stage that has a stack, with it."""
    for plan in reversed(rows.plan_in(pipeline)):
        stack = _stack(snapshot, pipeline, plan)
        if stack is not None:
            return plan, stack
    return None


def _stack(snapshot: Snapshot, pipeline: Resource, plan: StagePlan) -> Resource | None:
    if plan.builds:
        return None
    scope = Scope(account=plan.account, region=pipeline.scope.region)
    return snapshot.find(scope, STACK, plan.stack_name)


def _is_ours(stack: Resource, pipeline: Resource) -> bool:
    return bool(stack.spec["deployment"] == pipeline.observed["deletion"])


def _current(snapshot: Snapshot | Transaction, pipeline: Resource) -> Resource:
    current = snapshot.find_by_arn(pipeline.arn)
    if current is None or current.status != rows.DELETING:
        raise LookAgain
    return current
