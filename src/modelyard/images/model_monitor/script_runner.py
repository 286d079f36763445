"""Runs a user's script: `python -m ...script_runner preprocess SCRIPT FD`, or `postprocess SCRIPT`.

A preprocessor is given a record a line on its standard input, and answers with a line on the file
descriptor FD: a list of rows, or a text that says why there are none. Its standard output is the
job's log.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any


def main(arguments: list[str]) -> int:
    """Run a script, and return the exit code."""
    kind, script, *rest = arguments
    if kind == "postprocess":
        _handler(script, "postprocess_handler")()
        return 0
    with os.fdopen(int(rest[0]), "w", encoding="utf-8") as answers:
        for answer in _answers(script):
            answers.write(json.dumps(answer, default=str) + "\n")
            answers.flush()
    return 0


def _answers(script: str) -> Iterator[object]:
    try:
        handler = _handler(script, "preprocess_handler")
    except Exception as error:  # whatever the user's code raises is told to the user
        traceback.print_exc(file=sys.stdout)
        yield _said(error)
        return
    yield None
    takes_logger = len(inspect.signature(handler).parameters) > 1
    extra = (logging.getLogger("preprocessor"),) if takes_logger else ()
    for line in sys.stdin:
        yield _rows(handler, json.loads(line), extra)


def _rows(handler: Callable[..., Any], record: Any, extra: tuple[Any, ...]) -> object:
    try:
        made = handler(inference_record(record), *extra)
    except Exception as error:
        return _said(error)
    rows = made if isinstance(made, list) else [] if made is None else [made]
    if not all(isinstance(row, dict) for row in rows):
        return f"it must return a dict or a list of dicts, not {type(made).__name__}"
    return rows


def inference_record(record: Mapping[str, Any] | str) -> SimpleNamespace:
    """Return a record as the reference hands it to scripts: `record.endpoint_input.data` etc."""
    if isinstance(record, str):  # a line of a data set that is no capture
        line = SimpleNamespace(data=record, encoding="CSV", observed_content_type="text/csv")
        return SimpleNamespace(endpoint_input=line, endpoint_output=None, event_metadata=None)
    event = record.get("eventMetadata") or {}
    return SimpleNamespace(
        endpoint_input=_side(record.get("endpointInput")),
        endpoint_output=_side(record.get("endpointOutput")),
        event_metadata=SimpleNamespace(
            event_id=event.get("eventId"),
            inference_id=event.get("inferenceId"),
            inference_time=event.get("inferenceTime"),
            custom_attributes=event.get("customAttributes"),
        ),
    )


def _side(side: Mapping[str, Any] | None) -> SimpleNamespace | None:
    if side is None:
        return None
    return SimpleNamespace(
        data=side.get("data"),
        encoding=side.get("encoding"),
        observed_content_type=side.get("observedContentType"),
    )


def _handler(script: str, name: str) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location("users_script", script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script} is not a Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[..., Any] | None = getattr(module, name, None)
    if handler is None:
        raise AttributeError(f"it has no function {name}")
    return handler


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
