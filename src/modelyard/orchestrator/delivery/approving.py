"""Approving and rejecting: who may, by the approval policy, and what follows.

The policy is the registry's, with its stages Staging and Production; it is data. Whoever
provisioned what is delivered does not approve it. An approval is given with a token, which proves
that just this one was looked at: it fits one action of one execution.
"""

from __future__ import annotations

from dataclasses import replace

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.errors import (
    ActionNotFound,
    ApprovalAlreadyCompleted,
    InvalidApprovalToken,
    StageNotFound,
)
from modelyard.orchestrator.delivery.plan import APPROVAL, StagePlan, plan_of
from modelyard.orchestrator.delivery.runs import FAILED, SUCCEEDED, Action, Execution, Stage
from modelyard.registry.approvals import APPROVED, PENDING, Approvals, Subject
from modelyard.store.resources import Resource, Snapshot, Transaction


class Approver:
    """Carries decisions out."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    def decide(
        self,
        transaction: Transaction,
        context: Context,
        pipeline: Resource,
        *,
        stage: str,
        action: str,
        token: str,
        wanted: str,
        reason: str,
    ) -> Resource:
        """Write a person's decision down; return the pipeline with what follows from it.

        Raises:
            StageNotFound, ActionNotFound, InvalidApprovalToken, ApprovalAlreadyCompleted: it
                cannot be decided on.
            AccessDenied: the caller may not decide, by the approval policy.
            ValidationError: the caller has approved it already.
        """
        execution = rows.execution_in(pipeline)
        waiting = _waiting(transaction, pipeline, execution, stage, action, token)
        source = rows.source_of(transaction, pipeline, execution.id)
        plan = plan_of(source, pipeline.scope.account)
        texts = {one.approval.name: one.approval.text for one in plan if one.approval is not None}
        entry = self._approvals.decide(
            transaction,
            context,
            Subject(
                scope=pipeline.scope,
                arn=pipeline.arn,
                group=_group(source.get("model_package"), pipeline.scope.account),
                author=rows.context_of(pipeline, source).principal.person,
                members=None,
                history=[dict(one) for one in waiting.decisions],
                made="provisioned",
            ),
            stage=_policy_stage(plan, stage),
            of_stage=True,
            before=PENDING,
            wanted=wanted,
            reason=reason,
            at=clock.now().isoformat(),
        )
        decided = replace(
            waiting, decisions=(*waiting.decisions, entry), by=context.principal.person
        )
        if entry["To"] == PENDING:
            counted = replace(decided, summary=f"{decided.summary}. Approved {entry['Counted']}")
            return rows.save(transaction, pipeline, execution.with_action(stage, counted))
        ended = _ended(decided, entry["To"], reason)
        return rows.save(transaction, pipeline, execution.settled(stage, ended, texts))


def _ended(action: Action, to: str, reason: str) -> Action:
    if to == APPROVED:
        said = f"Approved by {action.by}"
        return action.evolve(SUCCEEDED, summary=f"{said}: {reason}" if reason else said)
    said = f"Rejected by {action.by}"
    text = f"{said}: {reason}" if reason else said
    return action.evolve(FAILED, summary=text, error=text)


def _waiting(
    snapshot: Snapshot,
    pipeline: Resource,
    execution: Execution,
    stage: str,
    action: str,
    token: str,
) -> Action:
    """Return the approval that waits for just this decision."""
    reached = rows.stages_in(pipeline)
    known = {one.name for one in execution.stages} | {one.name for one in rows.plan_in(pipeline)}
    if stage not in reached and stage not in known:
        raise StageNotFound(f"{pipeline.name} has no stage {stage!r}: {', '.join(sorted(known))}")
    found = reached.get(stage, ("", execution.stage(stage)))[1]
    asked = _action(found, action)
    if asked is None or asked.kind != APPROVAL:
        names = [one.name for one in found.actions if one.kind == APPROVAL] if found else []
        raise ActionNotFound(
            f"the stage {stage} has no approval {action!r}: {', '.join(names) or 'it has none'}"
        )
    if asked.waits and asked.token == token and _action(execution.stage(stage), action) == asked:
        return asked
    raise _refusal(snapshot, pipeline, stage, action, token)


def _refusal(
    snapshot: Snapshot, pipeline: Resource, stage: str, action: str, token: str
) -> InvalidApprovalToken | ApprovalAlreadyCompleted:
    """Return why a token decides nothing: of what it is, or that it is of nothing."""
    for row in rows.executions_of(snapshot, pipeline):
        execution = Execution.from_json(row.observed["execution"])
        asked = _action(execution.stage(stage), action)
        if asked is None or not token or asked.token != token:
            continue
        said = f"the approval {action} of the execution {execution.id} does not wait any more"
        why = asked.error or asked.summary or execution.reason
        return ApprovalAlreadyCompleted(f"{said}: {why}")
    return InvalidApprovalToken(
        f"the token {token!r} is of no approval {action} in the stage {stage}: take the one that "
        "GetPipelineState shows"
    )


def _action(stage: Stage | None, name: str) -> Action | None:
    if stage is None:
        return None
    return next((one for one in stage.actions if one.name == name), None)


def _policy_stage(plan: tuple[StagePlan, ...], stage: str) -> str | None:
    found = next((one for one in plan if one.name == stage), None)
    return None if found is None or found.approval is None else found.approval.stage


def _group(package: str | None, account: str) -> str | None:
    """Return the group of a version of this account, whose own policy may hold."""
    parts = (package or "").split(":")
    if len(parts) != 6 or parts[4] != account:
        return None
    return parts[5].split("/")[1]
