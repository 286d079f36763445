"""The operation table: what can be asked of Modelyard, each under its name, once.

An operation is one function `(context, request) -> response`, `request` and `response` being the
members that botocore's model of the operation names. It gets a valid request in Python's types:
timestamps are aware datetimes, blobs are bytes, and members that were null are absent.

A capability groups its operations as the
methods of one class, marks each with `@operation`, and gets what it needs in its constructor::

    class ModelOperations:
        def __init__(self, store: Store) -> None: ...

        @operation("sagemaker", "CreateModel", on=named("model", "ModelName"))
        def create_model(self, context: Context, request: Request) -> Response: ...

`on` says which resource a request is about (see `targets`): no operation can be registered without
saying what the policy is to be asked.

`app.py` hands the instances to `OperationTable.add`. `OperationTable.call` is the only way in: it
authorises, validates, calls, and has the auditor write down what came of it. So no door can forget
any of these. What is not an operation of a service's model (an object over S3, a pipeline) passes
`OperationTable.guard`, which does the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, UnknownOperation
from modelyard.operations.schema import Schema
from modelyard.operations.targets import Target

Request = Mapping[str, Any]
Response = dict[str, Any]
OperationFunction = Callable[[Context, Request], Response]
_Method = TypeVar("_Method", bound=Callable[..., Response])

_MARK = "__modelyard_operation__"


def operation(service: str, name: str, *, on: Target) -> Callable[[_Method], _Method]:
    """Mark a method as the operation `name` of `service` (botocore's names of both).

    Args:
        on: finds the ARN of the resource that a request is about.
    """

    def mark(method: _Method) -> _Method:
        setattr(method, _MARK, (service, name, on))
        return method

    return mark


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One entry of the table."""

    service: str
    name: str
    target: Target
    function: OperationFunction


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the policy says of one call."""

    allowed: bool
    policies: tuple[str, ...] = ()  # the ids of those that decided
    refusal: str = ""  # why not, in one sentence that names action, resource and remedy


class Authoriser(Protocol):
    """Says who may do what; asked ahead of every operation."""

    def decide(self, context: Context, action: str, resource: str, request: Request) -> Decision:
        """Return whether `context.principal` may do `action` (`sagemaker:CreateModel`).

        Args:
            resource: the ARN that the call is about; `*` in it stands for all.
            request: the members as they came, not validated yet.
        """


class Auditor(Protocol):
    """Writes down every call."""

    def call(
        self, context: Context, action: str, resource: str, decision: Decision
    ) -> AbstractContextManager[None]:
        """Surround one call, allowed or not; how it ends is how the block ends."""


class NoAudit:
    """Writes nothing down; for tests of single rooms."""

    def call(
        self, context: Context, action: str, resource: str, decision: Decision
    ) -> AbstractContextManager[None]:
        return nullcontext()


class OperationTable:
    """All operations on offer."""

    def __init__(
        self, schema: Schema, authoriser: Authoriser, auditor: Auditor | None = None
    ) -> None:
        self._schema = schema
        self._authoriser = authoriser
        self._auditor = auditor or NoAudit()
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
            service, name, target = mark
            if (service, name) in self._operations:
                raise ValueError(f"operation {service}:{name} is registered twice")
            self._operations[service, name] = Operation(
                service=service,
                name=name,
                target=target,
                function=getattr(capability, attribute),
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
        entry = self._entry(service, name)
        action, resource = f"{service}:{name}", entry.target(context, request)
        with self.guard(context, action, resource, request):
            self._schema.validate(service, name, request)
            return entry.function(context, self._schema.convert(service, name, request))

    def check(self, context: Context, service: str, name: str, request: Request) -> None:
        """Authorise and validate one operation, without carrying it out.

        Raises:
            UnknownOperation: it is not offered.
            AccessDenied: the policy forbids it.
            ValidationError: the request breaks the operation's model; all violations at once.
        """
        entry = self._entry(service, name)
        resource = entry.target(context, request)
        decision = self._authoriser.decide(context, f"{service}:{name}", resource, request)
        if not decision.allowed:
            raise AccessDenied(decision.refusal)
        self._schema.validate(service, name, request)

    def guarded(
        self, context: Context, service: str, name: str, request: Request
    ) -> AbstractContextManager[None]:
        """Surround an operation of the table that is carried out elsewhere, at AWS, say.

        Raises:
            UnknownOperation: it is not offered.
            AccessDenied: the policy forbids it; ahead of the block.
        """
        entry = self._entry(service, name)
        return self.guard(context, f"{service}:{name}", entry.target(context, request), request)

    @contextmanager
    def guard(
        self, context: Context, action: str, resource: str, request: Request
    ) -> Iterator[None]:
        """Surround one call, also of an action that is no operation of a service's model.

        Raises:
            AccessDenied: the policy forbids it; ahead of the block.
        """
        decision = self._authoriser.decide(context, action, resource, request)
        with self._auditor.call(context, action, resource, decision):
            if not decision.allowed:
                raise AccessDenied(decision.refusal)
            yield

    def decide(self, context: Context, action: str, resource: str, request: Request) -> Decision:
        """Return what the policy says of a call, which is neither made nor written down."""
        return self._authoriser.decide(context, action, resource, request)

    def verdict(self, context: Context, service: str, name: str, request: Request) -> Decision:
        """Return what the policy says of an operation's call, which is not made nor written down.

        Raises:
            UnknownOperation: it is not offered.
        """
        resource = self._entry(service, name).target(context, request)
        return self._authoriser.decide(context, f"{service}:{name}", resource, request)

    def operations(self) -> list[Operation]:
        """Return all entries, by service and name."""
        return [self._operations[key] for key in sorted(self._operations)]

    def _entry(self, service: str, name: str) -> Operation:
        found = self._operations.get((service, name))
        if found is None:
            raise self._unknown(service, name)
        return found

    def _unknown(self, service: str, name: str) -> UnknownOperation:
        if self._schema.knows(service, name):
            return UnknownOperation(f"{service}:{name} is not offered by this server")
        near = self._schema.similar(service, name)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return UnknownOperation(f"{service}:{name} is not an operation of the API{hint}")
