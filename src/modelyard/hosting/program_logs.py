"""What serving programs say, in the log streams of their endpoint."""

from __future__ import annotations

from modelyard.compute.serving import OnLine
from modelyard.jobs.job_log import JobLog
from modelyard.store.logs import LogStreams
from modelyard.store.resources import Resource


def group_of(endpoint: Resource) -> str:
    """Return the log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint.name}"


class ProgramLogs:
    """The streams of one deployment, one per program: `AllTraffic/1f3a90c2-0`.

    Args:
        identity: the deployment's; two of one endpoint may write at the same time.
    """

    def __init__(self, logs: LogStreams, endpoint: Resource, identity: str) -> None:
        self._logs = logs
        self._endpoint = endpoint
        self._identity = identity
        self._open: dict[str, JobLog] = {}
        self._closed = False

    def stream(self, variant: str, number: int) -> str:
        """Return the name of a program's stream."""
        return f"{variant}/{self._identity}-{number}"

    def listener(self, variant: str) -> OnLine:
        """Return what takes the lines of a variant's programs."""

        def listen(number: int, line: str) -> None:
            if not self._closed:
                self._log(self.stream(variant, number)).line(line)

        return listen

    def close(self) -> None:
        """Make the logs durable."""
        self._closed = True
        for log in self._open.values():
            log.close()
        self._open.clear()

    def _log(self, stream: str) -> JobLog:
        found = self._open.get(stream)
        if found is None:
            scope = self._endpoint.scope
            writer = self._logs.writer(
                scope.account, scope.region, group_of(self._endpoint), stream
            )
            found = self._open[stream] = JobLog(writer, lambda _line: None)
        return found
