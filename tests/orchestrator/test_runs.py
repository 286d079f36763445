"""The steps of an execution, in any order in which they may come."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from modelyard.orchestrator.delivery.plan import (
    STAGES,
    StagePlan,
    approval_after,
    plan_of,
    single_stage,
    stage_named,
)
from modelyard.orchestrator.delivery.runs import (
    FAILED,
    IN_PROGRESS,
    STOPPED,
    SUCCEEDED,
    SUPERSEDED,
    Execution,
)

TEXTS = {"DeployStaging": "to staging", "DeployProd": "to prod"}


def stage(key: str, *, tested: bool = True) -> StagePlan:
    name, action, test = stage_named(key)
    return StagePlan(
        name=name,
        key=key,
        action=action,
        account="1" * 12,
        stack_name=f"s-{key}",
        parameters={"A": key},
        test=test if tested else "",
        approval=approval_after(key),
    )


PLAN = tuple(stage(key) for key in STAGES)
STEPS = st.lists(st.sampled_from(["succeed", "fail", "retry", "retry all", "stop"]), max_size=30)


def stepped(execution: Execution, step: str) -> Execution:
    """Return the execution after a step, or as it is where the step cannot be taken."""
    at_work = execution.at_work
    if step in ("succeed", "fail") and at_work is not None and execution.is_open:
        found, action = at_work
        return execution.settled(
            found.name, action.evolve(SUCCEEDED if step == "succeed" else FAILED), TEXTS
        )
    if step.startswith("retry") and not execution.is_open:
        again = [one for one in execution.stages if one.status in (FAILED, STOPPED)]
        if again:
            return execution.again(again[0].name, TEXTS, all_actions=step == "retry all")
    if step == "stop" and execution.is_open:
        return execution.ended(STOPPED, "why not")
    return execution


@given(STEPS)
def test_one_action_is_at_work_and_all_ahead_of_it_have_succeeded(steps: list[str]) -> None:
    execution = Execution.new(PLAN)
    for step in steps:
        execution = stepped(execution, step)
        actions = [action for one in execution.stages for action in one.actions]
        at_work = [action for action in actions if action.status == IN_PROGRESS]
        assert len(at_work) == int(execution.status == IN_PROGRESS)
        begun = [action.status for action in actions if action.status is not None]
        assert begun[:-1] == [SUCCEEDED] * (len(begun) - 1)
        assert all(action.status is None for action in actions[len(begun) :])
        assert execution.waits == any(action.token and action.waits for action in actions)
        assert (execution.status == SUCCEEDED) == (begun == [SUCCEEDED] * len(actions))
        assert Execution.from_json(json.loads(json.dumps(execution.to_json()))) == execution


def test_an_approval_waits_with_what_the_tests_ahead_of_it_said() -> None:
    execution = Execution.new(PLAN)
    for summary in ("", "", "3 of 3 passed"):
        found = execution.at_work
        assert found is not None
        execution = execution.settled(
            found[0].name, found[1].evolve(SUCCEEDED, summary=summary), TEXTS
        )
    found = execution.at_work
    assert found is not None
    assert (found[1].name, found[1].summary) == ("DeployStaging", "to staging. 3 of 3 passed")
    assert execution.waits


def test_what_is_superseded_leaves_nothing_that_could_be_approved() -> None:
    execution = Execution.new([stage("dev", tested=False)])
    for _ in range(2):
        found = execution.at_work
        assert found is not None
        execution = execution.settled(found[0].name, found[1].evolve(SUCCEEDED), TEXTS)
    assert execution.waits
    left = execution.ended(SUPERSEDED, "superseded")
    assert not left.waits
    assert [one.status for one in left.stages] == [SUCCEEDED, "Cancelled"]


def test_a_plan_comes_back_from_what_is_kept_of_it() -> None:
    source = {"stages": json.loads(json.dumps([one.to_json() for one in PLAN]))}
    assert plan_of(source, "1" * 12) == PLAN
    early = {"stack_name": "s", "parameters": {"A": "b"}}
    assert plan_of(early, "1" * 12) == (single_stage("1" * 12, "s", {"A": "b"}),)
