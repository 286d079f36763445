"""What a framework's image does where the user's script has no function for it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelyard.images.script_mode.content import CSV, TEXT_TYPES, decode, media_type
from modelyard.images.script_mode.errors import ScriptError

_LIBSVM = ("text/libsvm", "text/x-libsvm")


@dataclass(frozen=True, kw_only=True)
class Framework:
    """The functions by default."""

    model_fn: Callable[[str], Any]
    input_fn: Callable[[Any, str], Any]
    predict_fn: Callable[[Any, Any], Any]


def framework(name: str) -> Framework:
    """Return a framework by the name of its image.

    Raises:
        ScriptError: there is none.
    """
    if name not in _FRAMEWORKS:
        raise ScriptError(f"{name!r} is no framework: use one of {', '.join(_FRAMEWORKS)}")
    return _FRAMEWORKS[name]


def _no_model(_folder: str) -> Any:
    raise ScriptError(
        "the script has no model_fn(model_dir), and there is no other way to load its model: add it"
    )


def _array(body: Any, content_type: str) -> Any:
    found = decode(body, content_type)
    return found.astype(np.float32) if media_type(content_type) in TEXT_TYPES else found


def _predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def _booster(folder: str) -> Any:
    import xgboost

    file = Path(folder) / "xgboost-model"
    if not file.is_file():
        return _no_model(folder)
    return xgboost.Booster(model_file=bytearray(file.read_bytes()))


def _matrix(body: Any, content_type: str) -> Any:
    import xgboost

    kind = media_type(content_type)
    if kind in _LIBSVM:
        from sklearn.datasets import load_svmlight_file

        raw = body.encode() if isinstance(body, str) else body
        # A line of LIBSVM begins with a label, which requests leave out.
        labelled = b"\n".join(b"0 " + line for line in raw.splitlines() if line.strip())
        return xgboost.DMatrix(load_svmlight_file(io.BytesIO(labelled), zero_based=True)[0])
    found = decode(body, content_type)
    return xgboost.DMatrix(np.atleast_2d(found) if kind == CSV else found)


def _tensor(body: Any, content_type: str) -> Any:
    import torch

    return torch.from_numpy(np.asarray(_array(body, content_type)))


def _module_output(data: Any, model: Any) -> Any:
    import torch

    with torch.no_grad():
        found = model(data)
    return found.detach().cpu().numpy() if isinstance(found, torch.Tensor) else found


_FRAMEWORKS = {
    "python": Framework(model_fn=_no_model, input_fn=_array, predict_fn=_predict),
    "pytorch": Framework(model_fn=_no_model, input_fn=_tensor, predict_fn=_module_output),
    "scikit-learn": Framework(model_fn=_no_model, input_fn=_array, predict_fn=_predict),
    "xgboost": Framework(model_fn=_booster, input_fn=_matrix, predict_fn=_predict),
}
