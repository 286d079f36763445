"""How a job's programs ended, and the sentence that its owner reads about it."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

MAX_REASON_CHARACTERS = 1024

#: Why programs were asked to end before they had.
Stop = Literal["Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded", "Interrupted"]

_SERVERS = "InternalServerError"
_KINDS = ("ClientError", "AlgorithmError", _SERVERS)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is known once no program of the job runs any more. It survives the server as JSON."""

    #: Host -> exit code, minus the signal; in the order in which they ended.
    codes: Mapping[str, int] = field(default_factory=dict)
    stop: Stop | None = None
    #: Why the job failed, if it did.
    reason: str | None = None

    @property
    def failed(self) -> bool:
        return self.reason is not None

    @property
    def is_the_servers(self) -> bool:
        """Whether it failed for no reason of its own, and may succeed when it is tried again."""
        return self.failed and str(self.reason).startswith(f"{_SERVERS}:")

    @property
    def has_results(self) -> bool:
        """Whether what was written is the job's result: it ended well, or was asked to stop."""
        return bool(self.codes) and not self.failed

    def to_json(self) -> dict[str, Any]:
        return {"codes": dict(self.codes), "stop": self.stop, "reason": self.reason}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(codes=data["codes"], stop=data["stop"], reason=data["reason"])


def failure_reason(code: int, failure_file: str | None, last_lines: Sequence[str]) -> str:
    """Return why a program failed: its kind, what it said of it, its exit code.

    Args:
        code: its exit code, minus the signal.
        failure_file: what it wrote to /opt/ml/output/failure.
        last_lines: the end of its log, for programs that wrote no such file.
    """
    said = (failure_file or "").strip()
    kind = next((kind for kind in _KINDS if said.startswith(f"{kind}:")), None)
    if kind is not None:
        said = said[len(kind) + 1 :].strip()
    end = f", exit code: {_code(code)}"
    start = f"{kind or 'AlgorithmError'}: "
    room = MAX_REASON_CHARACTERS - len(start) - len(end)
    # A file says the most important thing first, a log last.
    text = said[:room] if said else _last(last_lines, room)
    return f"{start}{text or 'it wrote neither a log nor /opt/ml/output/failure'}{end}"


def client_error(message: str) -> str:
    """Return the reason of a failure that the job's owner can put right."""
    return f"ClientError: {message}"[:MAX_REASON_CHARACTERS]


def internal_error(message: str) -> str:
    """Return the reason of a failure that is the server's."""
    return f"{_SERVERS}: {message}"[:MAX_REASON_CHARACTERS]


def _last(lines: Sequence[str], room: int) -> str:
    return "\n".join(line for line in lines if line.strip())[-room:].strip()


def _code(code: int) -> str:
    if code >= 0:
        return str(code)
    # A container's code for a signal, which clients know, and what it means here.
    name = signal.Signals(-code).name
    why = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"{128 - code} (ended by {name}{why})"
