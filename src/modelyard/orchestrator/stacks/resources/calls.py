"""How a type of resource reaches the operations: in process, or an account elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from botocore.model import StructureShape

from modelyard.operations.client import InProcessClient
from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Request


class Calls(Protocol):
    """The operations, with boto3's spelling."""

    def client(self, context: Context, service: str) -> Any:
        """Return a client that acts for `context`'s principal, as boto3's would."""

    def refusal(self, context: Context, service: str, name: str, request: Request) -> str | None:
        """Return why an operation would not be carried out, without trying, or None."""

    def input_shape(self, service: str, name: str) -> StructureShape:
        """Return the shape of an operation's request."""


class TableCalls:
    """The operation table of this process.

    Args:
        elsewhere: gives the client of an account that is not this server's own, else None.
    """

    def __init__(
        self,
        table: OperationTable,
        schema: Schema,
        elsewhere: Callable[[Context, str], Any | None] = lambda _context, _service: None,
    ) -> None:
        self._table = table
        self._schema = schema
        self._elsewhere = elsewhere

    def client(self, context: Context, service: str) -> Any:
        return self._elsewhere(context, service) or InProcessClient(self._table, context, service)

    def refusal(self, context: Context, service: str, name: str, request: Request) -> str | None:
        try:
            self._table.check(context, service, name, request)
        except OperationError as error:
            return error.message
        return None

    def input_shape(self, service: str, name: str) -> StructureShape:
        shape = self._schema.input_shape(service, name)
        if shape is None:
            raise KeyError(f"{service}:{name} takes no members")
        return shape
