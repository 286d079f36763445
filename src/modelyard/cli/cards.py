"""`modelyard cards`: draft a model card, look at one, have one printed."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError
from modelyard.home import Home

_POLL_SECONDS = 0.2


def draft(
    connection: Connection, request: Mapping[str, str | None], content: Path | None, *, raw: bool
) -> None:
    """Print a card's content as far as the platform knows it, and what is left to write.

    Args:
        request: what to draft it from; what is None is not asked for.
        content: a file with what is written already.
        raw: print the whole answer as JSON, else the content, and the rest on standard error.

    Raises:
        CommandError: nothing is named, or what is named does not exist.
    """
    asked = {name: value for name, value in request.items() if value is not None}
    if content is not None:
        asked["Content"] = _read(content)
    answer = connection.operation("Modelyard.DraftModelCard", asked)
    if raw:
        sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
        return
    document = json.loads(answer["Content"])
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    for note in answer["Notes"]:
        sys.stderr.write(f"note: {note}\n")
    for entry in answer["Missing"]:
        sys.stderr.write(f"left to write: {entry['Path']}: {entry['What']}\n")


def show(connection: Connection, name: str, version: int | None) -> None:
    """Print a card: its state, and what it says.

    Raises:
        CommandError: there is no such card or version.
    """
    request: dict[str, Any] = {"ModelCardName": name}
    if version is not None:
        request["ModelCardVersion"] = version
    card = connection.operation("SageMaker.DescribeModelCard", request)
    title = f"{card['ModelCardName']}, version {card['ModelCardVersion']}"
    sys.stdout.write(f"{title}, {card['ModelCardStatus']}\n{card['ModelCardArn']}\n\n")
    for path, value in _leaves(json.loads(card["Content"]), ""):
        sys.stdout.write(f"{path}: {value}\n")


def export(
    connection: Connection, name: str, version: int | None, to: str | None, home: Path
) -> None:
    """Have a card printed, wait, and print where the PDF lies.

    Args:
        to: `s3://bucket/prefix`; None is `model_card_exports` in the assets bucket.

    Raises:
        CommandError: there is no such card, or it cannot be printed.
    """
    if to is None:
        to = f"s3://{_assets_bucket(home)}/model_card_exports"
    request: dict[str, Any] = {
        "ModelCardName": name,
        "ModelCardExportJobName": f"cli-{uuid.uuid4().hex[:12]}",
        "OutputConfig": {"S3OutputPath": to},
    }
    if version is not None:
        request["ModelCardVersion"] = version
    made = connection.operation("SageMaker.CreateModelCardExportJob", request)
    while True:
        job = connection.operation("SageMaker.DescribeModelCardExportJob", made)
        if job["Status"] != "InProgress":
            break
        time.sleep(_POLL_SECONDS)
    if job["Status"] == "Failed":
        raise CommandError(f"the card could not be printed: {job['FailureReason']}")
    sys.stdout.write(f"{job['ExportArtifacts']['S3ExportArtifacts']}\n")


def _assets_bucket(home: Path) -> str:
    given = os.environ.get("MODELYARD_ASSETS_BUCKET")
    if given:
        return given
    server = Home(home).read_server()
    if server is None:
        raise CommandError("which bucket? Name it: --to s3://bucket/prefix")
    return server.assets_bucket


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield what a content says, each with its path; a list of numbers is one value."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, str(value)


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {file}: {error}") from error
