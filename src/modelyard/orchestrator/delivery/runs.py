"""One run of a pipeline: its stages with their actions, and the steps from one to the next.

Nothing here writes anything: a step takes an execution and gives the next one. An execution goes
through its stages one by one, and through the actions of a stage one by one; what has no status
has not begun. The words for statuses are CodePipeline's.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from modelyard import clock
from modelyard.orchestrator.delivery.plan import (
    APPROVAL,
    ARCHIVE,
    DEPLOY,
    SOURCE,
    TEST,
    StagePlan,
)
from modelyard.store.resources import Json

IN_PROGRESS = "InProgress"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
STOPPING = "Stopping"
STOPPED = "Stopped"
SUPERSEDED = "Superseded"
#: Of an action that its execution left behind, and of the stage that it is in.
ABANDONED = "Abandoned"
CANCELLED = "Cancelled"

STANDARD, ROLLBACK = "STANDARD", "ROLLBACK"
SOURCE_STAGE = "Source"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action of an execution; without a status it has not begun."""

    id: str
    name: str
    kind: str  # of `plan`
    status: str | None = None
    at: str = ""  # of the last change, ISO 8601
    summary: str = ""
    error: str = ""  # why it failed
    external_id: str = ""  # of what it made: a version, a stack, a report
    token: str = ""  # of an approval: proves that just this one was looked at
    decisions: Sequence[Json] = field(default_factory=tuple)  # on an approval, oldest first
    by: str = ""  # the ARN of the person who decided

    @classmethod
    def new(cls, name: str, kind: str, *, summary: str = "") -> Self:
        """Return an action that has not begun."""
        return cls(id=str(uuid.uuid4()), name=name, kind=kind, summary=summary)

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Return the action that was kept as plain data."""
        return cls(**{**data, "decisions": tuple(data.get("decisions", ()))})

    def evolve(self, status: str, **changes: Any) -> Self:
        """Return the action at another status, as of now."""
        return replace(self, status=status, at=clock.now().isoformat(), **changes)

    @property
    def waits(self) -> bool:
        """Whether it waits for a person."""
        return self.kind == APPROVAL and self.status == IN_PROGRESS


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of an execution."""

    name: str
    actions: tuple[Action, ...]
    status: str | None = None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Return the stage that `to_json` kept."""
        actions = tuple(Action.from_json(action) for action in data["actions"])
        return cls(name=data["name"], status=data["status"], actions=actions)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @property
    def current(self) -> Action | None:
        """The action that is at work, or waits."""
        return next((one for one in self.actions if one.status == IN_PROGRESS), None)

    def with_action(self, action: Action) -> Self:
        """Return the stage with an action in place of the one of its name, and so its status."""
        actions = tuple(action if one.name == action.name else one for one in self.actions)
        statuses = {one.status for one in actions}
        status: str | None = IN_PROGRESS
        if FAILED in statuses:
            status = FAILED
        elif statuses == {SUCCEEDED}:
            status = SUCCEEDED
        return replace(self, actions=actions, status=status)

    def left(self, status: str, why: str) -> Self:
        """Return the stage as its execution leaves it behind."""
        actions = tuple(
            one.evolve(ABANDONED, error=why) if one.status == IN_PROGRESS else one
            for one in self.actions
        )
        return replace(self, actions=actions, status=status)

    def again(self, *, all_actions: bool) -> Self:
        """Return the stage so that what failed in it, or all of it, is still to be done."""
        actions = tuple(
            Action.new(one.name, one.kind) if all_actions or one.status != SUCCEEDED else one
            for one in self.actions
        )
        return replace(self, actions=actions, status=IN_PROGRESS)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run of a pipeline."""

    id: str
    status: str
    stages: tuple[Stage, ...]
    type: str = STANDARD
    trigger: str = "CreatePipeline"  # CodePipeline's word for what began it
    trigger_detail: str = ""
    rolled_back_to: str = ""  # of a rollback: the execution whose source is deployed again
    reason: str = ""  # why it was stopped, or superseded
    started_at: str = ""

    @classmethod
    def new(
        cls,
        plan: Sequence[StagePlan],
        *,
        trigger: str = "CreatePipeline",
        trigger_detail: str = "",
    ) -> Self:
        """Return an execution of a whole plan, whose source action has just begun."""
        kind = ARCHIVE if any(stage.builds for stage in plan) else SOURCE
        source = Stage(name=SOURCE_STAGE, actions=(Action.new("S3Source", kind),))
        return cls(
            id=str(uuid.uuid4()),
            status=IN_PROGRESS,
            stages=(source, *(_stage_of(stage) for stage in plan)),
            trigger=trigger,
            trigger_detail=trigger_detail,
            started_at=clock.now().isoformat(),
        ).going_on({})

    @classmethod
    def rollback(cls, stage: StagePlan, target: str, *, detail: str = "") -> Self:
        """Return an execution that brings one stage back to what another execution deployed."""
        return cls(
            id=str(uuid.uuid4()),
            status=IN_PROGRESS,
            stages=(_stage_of(replace(stage, approval=None)),),
            type=ROLLBACK,
            trigger="ManualRollback",
            trigger_detail=detail,
            rolled_back_to=target,
            started_at=clock.now().isoformat(),
        ).going_on({})

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Return the execution that `to_json` kept, also one of the release that had one stage."""
        if "stages" not in data:
            return cls(
                id=data["id"],
                status=data["status"],
                stages=(
                    _early_stage(SOURCE_STAGE, "S3Source", SOURCE, data["source"]),
                    _early_stage("DeployCloudFormation", "deploy_stack", DEPLOY, data["deploy"]),
                ),
                started_at=data["source"]["at"],
            )
        stages = tuple(Stage.from_json(stage) for stage in data["stages"])
        return cls(**{**data, "stages": stages})

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @property
    def at_work(self) -> tuple[Stage, Action] | None:
        """The action that is at work, or waits, with its stage."""
        for stage in self.stages:
            if stage.current is not None:
                return stage, stage.current
        return None

    @property
    def waits(self) -> bool:
        """Whether it waits for a person."""
        found = self.at_work
        return found is not None and found[1].waits

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in (IN_PROGRESS, STOPPING)

    def stage(self, name: str) -> Stage | None:
        """Return the stage of a name, or None where the execution has none."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def with_action(self, stage: str, action: Action) -> Self:
        """Return the execution with an action in place of the one of its name."""
        return replace(
            self,
            stages=tuple(
                one.with_action(action) if one.name == stage else one for one in self.stages
            ),
        )

    def settled(self, stage: str, action: Action, texts: Mapping[str, str]) -> Self:
        """Return the execution after an action has ended, with the next one begun.

        Args:
            texts: what each approval says, by its name.
        """
        changed = self.with_action(stage, action)
        if action.status == FAILED:
            return replace(changed, status=FAILED)
        if self.status == STOPPING:
            return changed.ended(STOPPED, self.reason)
        return changed.going_on(texts)

    def going_on(self, texts: Mapping[str, str]) -> Self:
        """Return the execution with its next action begun; where none is left, at its end."""
        for stage, action in self._in_order():
            if action.status is None:
                return self.with_action(stage.name, _begun(stage, action, texts))
            if action.status != SUCCEEDED:
                return self
        return replace(self, status=SUCCEEDED)

    def again(self, stage: str, texts: Mapping[str, str], *, all_actions: bool) -> Self:
        """Return the execution with a stage that failed begun once more."""
        stages = tuple(
            one.again(all_actions=all_actions) if one.name == stage else one for one in self.stages
        )
        return replace(self, status=IN_PROGRESS, reason="", stages=stages).going_on(texts)

    def ended(self, status: str, reason: str) -> Self:
        """Return the execution at an end that is neither success nor failure."""
        word = CANCELLED if status == SUPERSEDED else STOPPED
        stages = tuple(
            stage.left(word, reason) if stage.status == IN_PROGRESS else stage
            for stage in self.stages
        )
        return replace(self, status=status, reason=reason, stages=stages)

    def _in_order(self) -> Iterator[tuple[Stage, Action]]:
        for stage in self.stages:
            for action in stage.actions:
                yield stage, action


def _stage_of(plan: StagePlan) -> Stage:
    actions = [Action.new(plan.action, plan.deploy_kind)]
    if plan.test:
        actions.append(Action.new(plan.test, TEST))
    if plan.approval is not None:
        actions.append(Action.new(plan.approval.name, APPROVAL))
    return Stage(name=plan.name, actions=tuple(actions))


def _begun(stage: Stage, action: Action, texts: Mapping[str, str]) -> Action:
    if action.kind != APPROVAL:
        return action.evolve(IN_PROGRESS)
    tested = [one.summary for one in stage.actions if one.kind == TEST and one.summary]
    text = ". ".join([texts.get(action.name, ""), *tested])
    return action.evolve(IN_PROGRESS, token=str(uuid.uuid4()), summary=text)


def _early_stage(name: str, action: str, kind: str, data: Json) -> Stage:
    return Stage(
        name=name, status=data["status"], actions=(Action(**data, name=action, kind=kind),)
    )
