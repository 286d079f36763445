from __future__ import annotations

import pytest

from modelyard.identity.policies.checking import PolicyChecker
from modelyard.identity.policies.texts import read_policies
from modelyard.operations.schema import Schema

ACTIONS = [f"sagemaker:{name}" for name in ("CreateModel", "CreateTrainingJob", "ListModels")]


@pytest.fixture(scope="module")
def checker() -> PolicyChecker:
    return PolicyChecker(Schema(), lambda: ACTIONS)


def on(action: str, condition: str) -> str:
    head = f'forbid (principal, action == Modelyard::Action::"{action}", resource)'
    return f"{head}\nwhen {{ {condition} }};"


@pytest.mark.parametrize(
    "text",
    [
        on("sagemaker:CreateModel", 'context.request has ModelName && context.source == "x"'),
        on("sagemaker:ListModels", 'resource.hasTag("a") && resource.getTag("a") == "b"'),
        on(
            "sagemaker:CreateTrainingJob",
            "context.request has ResourceConfig && context.request.ResourceConfig has "
            "InstanceCount && context.request.ResourceConfig.InstanceCount > 4",
        ),
        'permit (principal in Modelyard::Persona::"auditor", action in '
        '[Modelyard::Action::"read"], resource);',
    ],
)
def test_a_policy_that_means_something_is_well(checker: PolicyChecker, text: str) -> None:
    assert checker(read_policies("f", text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'permit (principal in Modelyard::Person::"x", action, resource);',
            "f:1:33: unrecognized entity type",
        ),
        (on("sagemaker:CreateModle", "true"), "f:1:49: unrecognized action"),
        (on("sagemaker:ListModels", 'resource.acount == "1"'), "f:2:17: attribute `acount`"),
        (
            on("sagemaker:CreateModel", "context.request has ModelNam"),
            "f:2:28: no request that the policy is about has the member `ModelNam`",
        ),
        (
            on("sagemaker:CreateModel", 'context.request.ModelName == "x"'),
            "f:2:24: unable to guarantee safety of access to optional attribute",
        ),
        (
            on("sagemaker:ListModels", "context.source == 1"),
            "the types Long and String are not compatible",
        ),
    ],
)
def test_a_policy_that_speaks_of_nothing_is_an_error(
    checker: PolicyChecker, text: str, said: str
) -> None:
    assert said in "\n".join(map(str, checker(read_policies("f", text))))
