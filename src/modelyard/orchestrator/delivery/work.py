"""One action that is to be carried out, with all that it needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelyard.operations.context import Context
from modelyard.orchestrator.delivery import pipeline as rows
from modelyard.orchestrator.delivery.plan import StagePlan
from modelyard.orchestrator.delivery.runs import FAILED, Action, Execution, Stage
from modelyard.store.resources import Json, Resource, Scope, Snapshot


class LookAgain(Exception):
    """The pipeline's row says something else by now."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """An action at work."""

    pipeline: Resource
    execution: Execution
    source: Json
    stage: Stage
    action: Action
    plan: StagePlan | None  # of the stage; the source's stage has none
    check: Callable[[Snapshot, Resource, Execution, Action], Resource]

    @property
    def target(self) -> StagePlan:
        """What the stage deploys.

        Raises:
            LookupError: the plan does not know the stage.
        """
        if self.plan is None:
            raise LookupError(f"{self.pipeline.arn} has no plan of the stage {self.stage.name}")
        return self.plan

    @property
    def scope(self) -> Scope:
        """Where the stage's stack is."""
        return Scope(account=self.target.account, region=self.pipeline.scope.region)

    @property
    def context(self) -> Context:
        """Who provisioned what is delivered."""
        return rows.context_of(self.pipeline, self.source)

    def require(self, snapshot: Snapshot) -> None:
        """Return if the action is still to be carried out.

        Raises:
            LookAgain: it is not.
        """
        self.check(snapshot, self.pipeline, self.execution, self.action)

    def failed(self, error: str, *, summary: str = "", external_id: str = "") -> Action:
        """Return the action as it failed."""
        return self.action.evolve(FAILED, error=error, summary=summary, external_id=external_id)
