"""The operation table: what can be asked of Modelyard, each under its name, once.

An operation is one function `(context, request) -> response`, `request` and `response` being the
members that botocore's model of the operation names. It gets a valid request in Python's types:
timestamps are aware datetimes, blobs are bytes, and members that were null are absent.

A capability groups its operations as the
methods of one class, marks each with `@operation`, and gets what it needs in its constructor::

    class ModelOperations:
        def __init__(self, store: Store) -> None: ...

        @operation("sagemaker", "CreateModel")
        def create_model(self, context: Context, request: Request) -> Response: ...

`app.py` hands the instances to `OperationTable.add`. `OperationTable.call` is the only way in: it
authorises, validates, calls. So no door can forget either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, UnknownOperation
from modelyard.operations.schema import Schema

Request = Mapping[str, Any]
Response = dict[str, Any]
OperationFunction = Callable[[Context, Request], Response]
_Method = TypeVar("_Method", bound=Callable[..., Response])

_MARK = "__modelyard_operation__"


def operation(service: str, name: str) -> Callable[[_Method], _Method]:
    """Mark a method as the operation `name` of `service` (botocore's names of both)."""

    def mark(method: _Method) -> _Method:
        setattr(method, _MARK, (service, name))
        return method

    return mark


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One entry of the table."""

    service: str
    name: str
    function: OperationFunction


class Authoriser(Protocol):
    """Says who may do what; asked ahead of every operation."""

    def refusal(self, context: Context, action: str, request: Request) -> str | None:
        """Return why `context.principal` may not do `action` (`sagemaker:CreateModel`), or None."""


class OperationTable:
    """All operations on offer."""

    def __init__(self, schema: Schema, authoriser: Authoriser) -> None:
        self._schema = schema
        self._authoriser = authoriser
        self._operations: dict[tuple[str, str], Operation] = {}

    def add(self, capability: object) -> None:
        """Register every method of `capability` that `@operation` marked.

        Raises:
            ValueError: an operation of that name is there already, or `capability` has none.
        """
        found = False
        for attribute in dir(type(capability)):
            mark = getattr(getattr(type(capability), attribute), _MARK, None)
            if mark is None:
                continue
            found = True
            if mark in self._operations:
                raise ValueError(f"operation {mark[0]}:{mark[1]} is registered twice")
            self._operations[mark] = Operation(
                service=mark[0], name=mark[1], function=getattr(capability, attribute)
            )
        if not found:
            raise ValueError(f"{type(capability).__name__} has no operation")

    def names(self, service: str) -> list[str]:
        """Return the names of the operations of `service` that are offered, sorted."""
        return sorted(name for owner, name in self._operations if owner == service)

    def call(self, context: Context, service: str, name: str, request: Request) -> Response:
        """Authorise, validate and carry out one operation.

        Raises:
            UnknownOperation: it is not offered.
            AccessDenied: the policy forbids it.
            ValidationError: the request breaks the operation's model; all violations at once.
            OperationError: whatever the operation itself answers.
        """
        self.check(context, service, name, request)
        entry = self._operations[service, name]
        return entry.function(context, self._schema.convert(service, name, request))

    def check(self, context: Context, service: str, name: str, request: Request) -> None:
        """Authorise and validate one operation, without carrying it out.

        Raises:
            UnknownOperation: it is not offered.
            AccessDenied: the policy forbids it.
            ValidationError: the request breaks the operation's model; all violations at once.
        """
        if (service, name) not in self._operations:
            raise self._unknown(service, name)
        self.authorise(context, f"{service}:{name}", request)
        self._schema.validate(service, name, request)

    def authorise(self, context: Context, action: str, request: Request) -> None:
        """Ask the policy about an action, also one that is no operation of a service's model.

        Raises:
            AccessDenied: the policy forbids it.
        """
        refusal = self._authoriser.refusal(context, action, request)
        if refusal is not None:
            raise AccessDenied(refusal)

    def _unknown(self, service: str, name: str) -> UnknownOperation:
        if self._schema.knows(service, name):
            return UnknownOperation(f"{service}:{name} is not offered by this server")
        near = self._schema.similar(service, name)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return UnknownOperation(f"{service}:{name} is not an operation of the API{hint}")
