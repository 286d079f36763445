"""The program's entry point: `python -m modelyard.batch`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from modelyard.batch.data_processing import processing_of
from modelyard.batch.errors import BatchError
from modelyard.batch.outputs import Output
from modelyard.batch.payloads import splitter_of
from modelyard.batch.plan import (
    DEFAULT_CONCURRENCY,
    DEFAULT_MAX_PAYLOAD_MIB,
    DEFAULT_STRATEGY,
    INPUT_FOLDER,
    MIB,
    MODEL_FOLDER,
    Plan,
    Strategy,
)
from modelyard.batch.record_formats import format_name
from modelyard.batch.scorers._base import Scorer
from modelyard.batch.transforming import Settings, Transformation

_FAILURE_CHARACTERS = 1024


def main() -> int:
    """Carry out the plan and return the exit code."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml")
    failure = base / "output" / "failure"
    failure.unlink(missing_ok=True)  # of a run that was interrupted
    try:
        failures = transform(base)
    except BatchError as error:
        return _failed(failure, f"ClientError: {error}")
    except Exception as error:  # whatever it is, the job's owner is to read of it
        traceback.print_exc(file=sys.stdout)
        return _failed(failure, f"AlgorithmError: {str(error) or type(error).__name__}")
    if not failures:
        return 0
    more = f" (and {len(failures) - 1} more files failed: see the log)" if failures[1:] else ""
    return _failed(failure, f"ClientError: {failures[0]}{more}")


def transform(base: Path) -> list[str]:
    """Transform what lies below `base`; return what is wrong with the files that failed.

    Raises:
        BatchError: the model cannot be served, or does not answer any more.
    """
    plan = Plan.read(base)
    files = list(_files(base, plan))
    if not files:
        _say("nothing is left to transform on this host")
        return []
    scorer = _scorer(base, plan)
    try:
        return Transformation(_settled(plan, scorer), scorer, _say).run(files)
    finally:
        scorer.close()


def _files(base: Path, plan: Plan) -> Iterator[tuple[str, Path, Output]]:
    folder = base / INPUT_FOLDER
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        output = Output(base, name, path, plan.assembly)
        if not output.is_whole:
            yield name, path, output


def _scorer(base: Path, plan: Plan) -> Scorer:
    if plan.server:
        from modelyard.batch.scorers.program import ServeProgram

        return ServeProgram(plan, os.environ)
    from modelyard.batch.scorers.gateway_model import GatewayModel

    return GatewayModel(base / MODEL_FOLDER, plan, os.environ)


def _settled(plan: Plan, scorer: Scorer) -> Settings:
    """Return the settings: the job's, else what the model's program prefers, else the default."""
    prefers = scorer.preferences
    strategy = plan.strategy or _one_document(plan) or prefers.strategy or DEFAULT_STRATEGY
    payload = plan.max_payload_mib or prefers.max_payload_mib or DEFAULT_MAX_PAYLOAD_MIB
    concurrency = plan.concurrency or prefers.concurrency or DEFAULT_CONCURRENCY
    _say(
        f"BatchStrategy {strategy}, MaxPayloadInMB {payload}, MaxConcurrentTransforms {concurrency}"
    )
    return Settings(
        splitter=splitter_of(plan.split, strategy),
        processing=processing_of(plan),
        limit=payload * MIB,
        concurrency=concurrency,
        gzipped=plan.gzipped,
    )


def _one_document(plan: Plan) -> Strategy | None:
    """Lines of application/json are a document each, and several together are none."""
    is_json = format_name(plan.content_type) == "JSON"
    return "SingleRecord" if is_json and plan.split == "Line" else None


def _failed(path: Path, message: str) -> int:
    text = " ".join(message.split())
    _say(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text[:_FAILURE_CHARACTERS])
    return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
