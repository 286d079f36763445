"""The serving programs of one variant, and the connections to them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path

from modelyard.gateway.errors import GatewayError, ModelRefusal
from modelyard.gateway.program_connection import Answer, AnswerLost, ProgramConnection, connect
from modelyard.gateway.routes import Program, Programs

#: A connection that was idle for longer is not used again: servers close theirs after a while,
#: some after 2 s, and what is sent at that moment is lost.
_IDLE_SECONDS = 1.0
#: The API's limit for what a model's error says.
_MAX_MESSAGE = 2048


class ProgramPool:
    """The programs of one snapshot. For the event loop alone, but for its making."""

    def __init__(self, programs: Programs) -> None:
        self._seconds = programs.timeout_seconds
        self._lines = [_Line(program) for program in programs.programs]

    async def invoke(self, request: bytes) -> Answer:
        """Send a request, whole, to the least busy program, and return what it answers.

        Raises:
            GatewayError: no program is there at the moment.
            ModelRefusal: the program answered with an error, not in time, or not at all.
        """
        for line in self._by_load():
            try:
                connection = await line.connection()
            except OSError:
                continue  # it is gone, or has no room; another may have
            return await self._exchange(line, connection, request)
        raise GatewayError(
            503,
            "ServiceUnavailable",
            "No program of the model answers at the moment; it is being started anew. Try again.",
        )

    async def _exchange(self, line: _Line, connection: ProgramConnection, request: bytes) -> Answer:
        line.busy += 1
        try:
            async with asyncio.timeout(self._seconds):
                answer = await connection.exchange(request)
        except TimeoutError as error:
            raise ModelRefusal(
                0,
                "Your invocation timed out while waiting for a response from container primary: "
                f"there was none within {self._seconds:g} s",
                log_arn=line.log_arn,
            ) from error
        except AnswerLost as error:
            raise ModelRefusal(500, str(error), log_arn=line.log_arn) from error
        finally:
            line.busy -= 1
        line.put_back(connection)
        if not 200 <= answer.status < 300:
            said = answer.body.decode(errors="replace")[:_MAX_MESSAGE]
            raise ModelRefusal(answer.status, said, log_arn=line.log_arn)
        return answer

    def _by_load(self) -> Sequence[_Line]:
        if len(self._lines) < 2:
            return self._lines
        return sorted(self._lines, key=lambda line: (line.busy, random.random()))  # noqa: S311


class _Line:
    """One program's connections."""

    def __init__(self, program: Program) -> None:
        self.busy = 0
        self.log_arn = program.log_arn
        self._path = Path(program.socket)
        self._idle: list[tuple[float, ProgramConnection]] = []  # those used last at the end

    async def connection(self) -> ProgramConnection:
        while self._idle:
            since, connection = self._idle.pop()
            if connection.is_open and time.monotonic() - since < _IDLE_SECONDS:
                return connection
            connection.close()
        return await connect(self._path)

    def put_back(self, connection: ProgramConnection) -> None:
        if not connection.is_open:
            return
        now = time.monotonic()
        self._idle.append((now, connection))
        # What has been idle for long lies at the beginning.
        if now - self._idle[0][0] > _IDLE_SECONDS:
            self._idle.pop(0)[1].close()
