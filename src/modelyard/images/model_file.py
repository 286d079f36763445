"""Model files of the algorithms that are a few arrays: npz, in which nothing is pickled."""

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
_ABOUT = "about"  # the entry with all that is no array, as JSON


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is in a model file."""

    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]  # JSON


def write(folder: Path, algorithm: str, model: Model) -> None:
    """Write the model's file into a folder, whole or not at all."""
    buffer = io.BytesIO()
    about = json.dumps({"algorithm": algorithm, **model.about})
    np.savez_compressed(buffer, **{_ABOUT: np.array(about)}, **model.arrays)  # type: ignore[arg-type]  # numpy's stub takes `allow_pickle` for a third keyword
    write_whole(folder / NAME, buffer.getvalue())


def read(folder: Path, algorithm: str) -> Model:
    """Read the model's file in a folder.

    Raises:
        ValueError: it is not a model of that algorithm.
    """
    with np.load(folder / NAME, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(str(arrays.pop(_ABOUT)))
    if about.get("algorithm") != algorithm:
        raise ValueError(f"{NAME} is a model of {about.get('algorithm')}, not of {algorithm}")
    return Model(arrays=arrays, about=about)
