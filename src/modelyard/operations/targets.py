"""What an operation acts on: the ARN that the policy is asked about, found ahead of everything.

Authorisation comes before validation, so a target is found in any request at all: where the member
that would name the resource is missing or is no text, the target is every resource of the kind,
which only a caller who may act on all of them may touch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.operations.context import Context

#: Finds the ARN that a request is about.
Target = Callable[[Context, Mapping[str, Any]], str]


def named(kind: str, member: str, *, service: str = "sagemaker", glue: str = "/") -> Target:
    """The resource of `kind` in the caller's account and region whose name is in `member`.

    A value that is an ARN already stands for itself: it may belong to another account.
    """

    def find(context: Context, request: Mapping[str, Any]) -> str:
        value = request.get(member)
        if not isinstance(value, str) or not value:
            value = "*"
        if value.startswith("arn:"):
            return value
        return _own(context, service, f"{kind}{glue}{value}")

    return find


def every(kind: str, *, service: str = "sagemaker", glue: str = "/") -> Target:
    """All resources of `kind` in the caller's account and region; what a list is about."""
    return lambda context, _request: _own(context, service, f"{kind}{glue}*")


def given(member: str) -> Target:
    """The resource whose ARN is in `member`."""

    def find(context: Context, request: Mapping[str, Any]) -> str:
        value = request.get(member)
        return value if isinstance(value, str) and value else _own(context, "sagemaker", "*")

    return find


def caller(context: Context, _request: Mapping[str, Any]) -> str:
    """The caller itself."""
    return context.principal.arn


def iam(kind: str, member: str | None = None) -> Target:
    """The role, user or provider of the caller's account, which is in no region."""

    def find(context: Context, request: Mapping[str, Any]) -> str:
        value = request.get(member) if member is not None else "*"
        if not isinstance(value, str) or not value:
            value = "*"
        if value.startswith("arn:"):
            return value
        arn = Arn(service="iam", region="", account=context.account, resource=f"{kind}/{value}")
        return str(arn)

    return find


def _own(context: Context, service: str, resource: str) -> str:
    arn = Arn(service=service, region=context.region, account=context.account, resource=resource)
    return str(arn)
