"""How a door calls an operation: off the event loop, since operations wait for the database."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from modelyard.api.state import RequestState
from modelyard.operations.context import Context
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable, Response

MAX_THREADS = 32  # more would only wait for the database's one writer

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class OperationCaller:
    """The operation table, and the threads that it is called in."""

    def __init__(self, table: OperationTable, schema: Schema) -> None:
        self.schema = schema
        self._table = table
        self._limiter = anyio.CapacityLimiter(MAX_THREADS)

    async def run(
        self,
        function: Callable[_Parameters, _Result],
        *args: _Parameters.args,
        **kwargs: _Parameters.kwargs,
    ) -> _Result:
        """Run `function` in a thread; parsing and writing bodies belongs there too."""
        return await anyio.to_thread.run_sync(
            functools.partial(function, *args, **kwargs), limiter=self._limiter
        )

    def call(
        self,
        state: RequestState,
        context: Context,
        service: str,
        name: str,
        request: Mapping[str, Any],
    ) -> Response:
        """Carry out one operation, in a thread; see `OperationTable.call` for what it raises."""
        # Only names of the API are noted, or a caller could make up metrics without end.
        if self.schema.knows(service, name):
            state.service, state.operation = service, name
        return self._table.call(context, service, name, request)
