"""What was found out about a model before it is served, as it lies beside it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from modelyard.gateway.model_file import PREPARED_NAME

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Onnx:
    """How the converted model is used."""

    file: str  # in the same folder
    output: str
    column: int | None
    max_rows: int  # above which XGBoost is faster


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One model, known to be servable."""

    file: str  # of the model, in the same folder
    booster: str  # gbtree, dart, gblinear
    objective: str
    features: int  # the width of a row
    classes: int  # of a classifier with several; else 0
    outputs: int  # per row; 1 means that predictions have one dimension
    rounds: int
    iterations: int  # rounds that predictions use, up to the best one; 0 is all
    inplace: bool  # whether XGBoost can predict without a DMatrix, and concurrently
    onnx: Onnx | None
    xgboost_alone_because: str | None  # why there is no ONNX model
    xgboost_version: str  # that prepared it
    format: int = FORMAT


def write(prepared: Prepared, folder: Path) -> None:
    """Write what was found out into the model's folder."""
    content = orjson.dumps(asdict(prepared), option=orjson.OPT_INDENT_2) + b"\n"
    write_whole(folder / PREPARED_NAME, content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole, or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def read(folder: Path) -> Prepared:
    """Return what `write` wrote.

    Raises:
        ValueError: the folder was not prepared, or by another version.
    """
    try:
        members = orjson.loads((folder / PREPARED_NAME).read_bytes())
    except FileNotFoundError as error:
        raise ValueError(f"the model in {folder.name} has not been prepared") from error
    if members.get("format") != FORMAT:
        raise ValueError(
            f"the model in {folder.name} was prepared in format {members.get('format')}, "
            f"and this is format {FORMAT}: prepare it again"
        )
    onnx = members.pop("onnx")
    return Prepared(**members, onnx=None if onnx is None else Onnx(**onnx))
