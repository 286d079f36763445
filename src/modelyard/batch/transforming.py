"""The inputs, through the model, to the outputs: several payloads at once, in their order.

Payloads are read one after the other and answered by several threads; answers are written in the
order of the payloads. At most twice as many are in memory as are answered at once, so memory is
bounded, whatever the inputs' size.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from modelyard.batch import culprits
from modelyard.batch.data_processing import DataProcessing
from modelyard.batch.errors import InputError, Refused
from modelyard.batch.outputs import Output
from modelyard.batch.payloads import Payload, Splitter
from modelyard.batch.scorers._base import Scorer


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a job's payloads are made and answered; all questions are settled."""

    splitter: Splitter
    processing: DataProcessing
    limit: int  # bytes of a payload
    concurrency: int
    gzipped: bool


@dataclass(kw_only=True)
class _Work:
    """One input file on its way."""

    name: str
    path: Path
    output: Output
    started: float = field(default_factory=time.monotonic)
    records: int = 0
    failure: str | None = None


#: What waits to be written: an answer; or, without a payload, the end of a file.
_Waiting = deque[tuple[_Work, Payload | None, "Future[bytes] | None"]]


class Transformation:
    """One job's work on one host.

    Args:
        say: takes a line for the job's log.
    """

    def __init__(self, settings: Settings, scorer: Scorer, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._scorer = scorer
        self._say = say
        self._failures: list[str] = []

    def run(self, files: Sequence[tuple[str, Path, Output]]) -> list[str]:
        """Transform all files; return what is wrong with those that failed.

        Args:
            files: name, where it lies, and its output.

        Raises:
            BatchError: the model does not answer any more.
        """
        concurrency = self._settings.concurrency
        waiting: _Waiting = deque()
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="payload")
        try:
            for name, path, output in files:
                work = _Work(name=name, path=path, output=output)
                for payload in self._payloads(work):
                    waiting.append((work, payload, pool.submit(self._answer, payload)))
                    while len(waiting) >= 2 * concurrency:
                        self._write(*waiting.popleft())
                    if work.failure is not None:
                        break
                waiting.append((work, None, None))
            while waiting:
                self._write(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)
        return self._failures

    def _payloads(self, work: _Work) -> Iterator[Payload]:
        """Yield a file's payloads; where it cannot be read on, fail it behind those."""
        settings = self._settings
        try:
            with _opened(work.path, gzipped=settings.gzipped) as stream:
                yield from settings.splitter.payloads(stream, settings.limit)
        except InputError as error:
            self._fail(work, error)

    def _answer(self, payload: Payload) -> bytes:
        processing = self._settings.processing
        answer = self._scorer.score(processing.model_input(payload))
        return processing.output(payload, answer)

    def _write(self, work: _Work, payload: Payload | None, answer: Future[bytes] | None) -> None:
        if payload is None or answer is None:
            self._finish(work)
            return
        if work.failure is not None:
            answer.cancel()
            return
        try:
            work.output.write(answer.result())
            work.records += payload.count
        except Refused as refused:
            self._fail(work, self._culprit(payload, refused))
        except InputError as error:
            record = payload.first if error.record is None else payload.first + error.record - 1
            self._fail(work, InputError(error.message, record=record))

    def _culprit(self, payload: Payload, refused: Refused) -> InputError:
        try:
            return culprits.told(
                payload,
                refused,
                splitter=self._settings.splitter,
                processing=self._settings.processing,
                scorer=self._scorer,
            )
        except InputError:  # a filter that finds nothing is told of when its turn comes
            return InputError(f"the model answered {refused.status}: {refused.message}")

    def _fail(self, work: _Work, error: InputError) -> None:
        noun = self._settings.splitter.noun
        place = "" if error.record is None or noun == "file" else f", {noun} {error.record:,}"
        work.failure = f"{work.name}{place}: {error.message}"

    def _finish(self, work: _Work) -> None:
        if work.failure is not None:
            work.output.discard()
            self._failures.append(work.failure)
            self._say(work.failure)
            return
        work.output.finish()
        seconds = time.monotonic() - work.started
        noun = self._settings.splitter.noun
        self._say(f"{work.name}: {work.records:,} {noun}s transformed in {seconds:.1f} s")


@contextmanager
def _opened(path: Path, *, gzipped: bool) -> Iterator[BinaryIO]:
    if not gzipped:
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as unpacked:
            yield cast("BinaryIO", unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"it is not gzipped, or damaged ({error}): correct it, or CompressionType"
        ) from error
