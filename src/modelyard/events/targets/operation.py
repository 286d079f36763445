"""Operations: `arn:aws:scheduler:::aws-sdk:<service>:<operation>`, EventBridge's universal target.

The operation is one of the table, such as `sagemaker:createTrainingJob`; the input is its request.
It is called as a session of the target's role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from modelyard.events.inputs import has_input
from modelyard.events.rules import Rule
from modelyard.events.targets._base import Needed, Outgoing, Undeliverable
from modelyard.operations.context import Context
from modelyard.operations.errors import InternalFailure, OperationError
from modelyard.operations.table import OperationTable

_ARN = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9-]+):([A-Za-z0-9]+)")
#: Would let a rule read what only a caller may see, or write on its own permissions.
_CLOSED = frozenset({"sts", "iam"})


class OperationTarget:
    """Calls the operation table."""

    name = "operation"
    needs_role = True

    def __init__(self, table: OperationTable) -> None:
        self._table = table

    def is_meant(self, arn: str) -> bool:
        return arn.startswith("arn:aws:scheduler:")

    def problems(self, rule: Rule, request: Mapping[str, Any]) -> Iterator[str]:
        match = _ARN.fullmatch(request["Arn"])
        if match is None:
            yield f"{request['Arn']} must be arn:aws:scheduler:::aws-sdk:<service>:<operation>"
            return
        service, name = match[1], _operation(match[2])
        if service in _CLOSED or name not in self._table.names(service):
            yield f"{service}:{name} is not an operation that a rule may call"
        if not has_input(request):
            yield "give Input, InputPath or InputTransformer: an event is no request of its own"

    def needed(self, request: Mapping[str, Any]) -> Needed | None:
        return None  # the operation table asks, at each delivery, for the role

    def deliver(self, context: Context, outgoing: Outgoing) -> None:
        match = _ARN.fullmatch(outgoing.target.arn)
        if match is None or not isinstance(outgoing.input, dict):
            raise Undeliverable(f"the input of {outgoing.target.arn} must be a JSON object")
        try:
            self._table.call(context, match[1], _operation(match[2]), outgoing.input)
        except InternalFailure:
            raise
        except OperationError as error:
            # The same request would be answered with the same error.
            raise Undeliverable(f"{error.code}: {error.message}") from error


def _operation(name: str) -> str:
    return name[:1].upper() + name[1:]
