"""Model files of the algorithms that are a few arrays: npz, where nothing is pickled, and JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.training.files import write_whole

NAME = "model.npz"
ABOUT = "about.json"  # all that is no array; a registry knows a model by it


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is in a model's files."""

    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]  # JSON


def write(folder: Path, algorithm: str, model: Model) -> None:
    """Write the model's files into a folder, each whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(model.arrays), allow_pickle=False)
    write_whole(folder / ABOUT, json.dumps({"algorithm": algorithm, **model.about}).encode())
    write_whole(folder / NAME, buffer.getvalue())


def read(folder: Path, algorithm: str) -> Model:
    """Read the model's files in a folder.

    Raises:
        ValueError: they are not a model of that algorithm.
    """
    about = json.loads((folder / ABOUT).read_text())
    if about.get("algorithm") != algorithm:
        raise ValueError(f"this is a model of {about.get('algorithm')}, not of {algorithm}")
    with np.load(folder / NAME, allow_pickle=False) as file:
        return Model(arrays={name: file[name] for name in file.files}, about=about)
