"""The operation table with boto3's spelling: `client.create_model(ModelName=…)`.

Methods, answers and errors are those of a boto3 client, so a boto3 client for an account elsewhere
can stand in its place: what a caller catches is `botocore.exceptions.ClientError`, whose `response`
holds the error's code and message. The operation's own error is its cause.
"""

from __future__ import annotations

from collections.abc import Callable

from botocore import xform_name
from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.operations.table import OperationTable, Response


class InProcessClient:
    """One service's operations, on behalf of one caller.

    Every call is authorised as its caller's and validated, as it is at every other door.
    """

    def __init__(self, table: OperationTable, context: Context, service: str) -> None:
        self._table = table
        self._context = context
        self._service = service

    def __getattr__(self, method: str) -> Callable[..., Response]:
        """Return the operation whose name boto3 spells `method`.

        Raises:
            AttributeError: the service offers none of that name.
        """
        for name in self._table.names(self._service):
            if xform_name(name) == method:
                return self._bound(name)
        raise AttributeError(f"{self._service} offers no operation {method!r} here")

    def _bound(self, name: str) -> Callable[..., Response]:
        def call(**members: object) -> Response:
            try:
                return self._table.call(self._context, self._service, name, members)
            except OperationError as error:
                raise client_error(error, name) from error

        return call


def client_error(error: OperationError, operation: str) -> ClientError:
    """Return `error` as boto3 raises it for `operation`."""
    return ClientError(
        {"Error": {"Code": error.code, "Message": error.message}},
        operation,
    )
