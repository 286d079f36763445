from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modelyard.operations.context import Context, Principal
from modelyard.operations.errors import AccessDenied, UnknownOperation, ValidationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import Decision, OperationTable, Request, Response, operation
from modelyard.operations.targets import every
from tests.policies import AllowAll

ROOT = Principal(account="1" * 12, arn=f"arn:aws:iam::{'1' * 12}:root", user_id="1" * 12)
CONTEXT = Context(
    account="1" * 12, region="us-east-1", principal=ROOT, request_id="r", source="in-process"
)


class Nobody:
    def decide(self, context: Context, action: str, resource: str, request: Request) -> Decision:
        return Decision(allowed=False, refusal=f"no {action} on {resource} today")


class Models:
    def __init__(self) -> None:
        self.asked: list[Request] = []

    @operation("sagemaker", "ListModels", on=every("model"))
    def list_models(self, context: Context, request: Request) -> Response:
        self.asked.append(request)
        return {"Models": []}


def test_an_operation_gets_pythons_types() -> None:
    models, table = Models(), OperationTable(Schema(), AllowAll())
    table.add(models)
    answer = table.call(
        CONTEXT, "sagemaker", "ListModels", {"CreationTimeBefore": 0, "SortBy": None}
    )
    assert answer == {"Models": []}
    assert models.asked == [{"CreationTimeBefore": datetime(1970, 1, 1, tzinfo=UTC)}]


def test_who_is_refused_learns_nothing_of_the_request() -> None:
    models, table = Models(), OperationTable(Schema(), Nobody())
    table.add(models)
    with pytest.raises(
        AccessDenied,
        match=r"no sagemaker:ListModels on arn:aws:sagemaker:us-east-1:1+:model/\* today",
    ):
        table.call(CONTEXT, "sagemaker", "ListModels", {"Wrong": 1})
    assert models.asked == []


def test_a_request_that_breaks_the_model_reaches_no_operation() -> None:
    models, table = Models(), OperationTable(Schema(), AllowAll())
    table.add(models)
    with pytest.raises(ValidationError):
        table.call(CONTEXT, "sagemaker", "ListModels", {"MaxResults": 0})
    assert models.asked == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CreateModel", "sagemaker:CreateModel is not offered by this server"),
        ("CreateModle", "is not an operation of the API; did you mean CreateModel"),
        ("Quux", "sagemaker:Quux is not an operation of the API"),
    ],
)
def test_what_is_not_offered_is_named(name: str, said: str) -> None:
    with pytest.raises(UnknownOperation, match=said):
        OperationTable(Schema(), AllowAll()).call(CONTEXT, "sagemaker", name, {})


def test_an_operation_is_registered_once() -> None:
    table = OperationTable(Schema(), AllowAll())
    table.add(Models())
    with pytest.raises(ValueError, match="twice"):
        table.add(Models())
    with pytest.raises(ValueError, match="has no operation"):
        table.add(object())
    assert table.names("sagemaker") == ["ListModels"]
