"""Orchestrator pipelines, as API Gateway would name them:
`arn:aws:execute-api:<region>:<account>:<api>/<stage>/POST/provisionpipeline`.

The input is the body of a `/provisionpipeline` request. API and stage may be any: there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.events.inputs import has_input
from modelyard.events.rules import Rule
from modelyard.events.targets._base import Needed, Outgoing, Undeliverable
from modelyard.operations.context import Context
from modelyard.operations.errors import InternalFailure, OperationError

_RESOURCE = re.compile(r"[A-Za-z0-9_*-]+/[A-Za-z0-9_*-]+/POST/provisionpipeline")

#: Provisions a pipeline; raises `OperationError` where the request is refused.
Provision = Callable[[Context, Mapping[str, Any]], object]


class PipelineTarget:
    """Provisions pipelines."""

    name = "pipeline"
    needs_role = False

    def __init__(self, provision: Provision) -> None:
        self._provision = provision

    def is_meant(self, arn: str) -> bool:
        return arn.startswith("arn:aws:execute-api:")

    def problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        arn = Arn.parse(request["Arn"])
        if (arn.account, arn.region) != (rule.bus.scope.account, rule.bus.scope.region):
            yield f"{arn} is not in the rule's account and region"
        if _RESOURCE.fullmatch(arn.resource) is None:
            yield f"{arn} must end with <api>/<stage>/POST/provisionpipeline"
        if not has_input(request):
            yield "give Input, InputPath or InputTransformer: an event is no request of its own"

    def needed(self, request: Mapping[str, Any]) -> Needed | None:
        return None  # the orchestrator asks, at each delivery

    def deliver(self, context: Context, outgoing: Outgoing) -> None:
        if not isinstance(outgoing.input, dict):
            raise Undeliverable("the input of a pipeline must be a JSON object")
        try:
            self._provision(context, outgoing.input)
        except InternalFailure:
            raise
        except OperationError as error:
            raise Undeliverable(f"{error.code}: {error.message}") from error
