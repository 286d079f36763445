"""Serving: the functions of the user's script between a request and its answer.

    model_fn(model_dir) once; then input_fn(body, content_type) → predict_fn(data, model) →
    output_fn(prediction, accept), or transform_fn(model, body, content_type, accept) instead.

The user's code, and whatever it unpickles, runs in this program alone. It answers one request at a
time, as the framework images' workers do: scripts need not be safe for threads.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from modelyard.images.script_mode.code import entry_point, located
from modelyard.images.script_mode.content import JSON, TEXT_TYPES, encode, media_type
from modelyard.images.script_mode.errors import ScriptError
from modelyard.images.script_mode.frameworks import Framework, framework
from modelyard.images.serving import Answer, serve

_DEFAULT_SCRIPT = "inference.py"
_FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


def serve_script(name: str) -> None:
    """Serve the model with the script's functions until SIGTERM.

    Raises:
        ScriptError: the script is not there, or cannot serve.
    """
    defaults = framework(name)

    def load(folder: Path) -> ScriptScorer:
        return ScriptScorer(load_script(folder), defaults, folder)

    serve(load)


def load_script(model: Path) -> ModuleType:
    """Return the script that comes with a model, or was submitted beside it.

    Args:
        model: /opt/ml/model, wherever it really lies.

    Raises:
        ScriptError: there is none.
    """
    base = model.parent
    submitted = located(base, os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", ""))
    candidates = [base / "code", submitted, model / "code", model]
    program = os.environ.get("SAGEMAKER_PROGRAM") or _DEFAULT_SCRIPT
    folder = next(
        (path for path in candidates if path.is_absolute() and (path / program).is_file()),
        next((path for path in candidates if path.is_absolute() and path.is_dir()), model),
    )
    path = entry_point(folder, program)
    sys.path[:0] = [str(path.parent), str(folder)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ScriptError(f"the script {program!r} is no Python module: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # What it pickles by reference is found again under its name.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class ScriptScorer:
    """One model, loaded by the user's script."""

    def __init__(self, script: ModuleType, defaults: Framework, folder: Path) -> None:
        own = {name: getattr(script, name) for name in _FUNCTIONS if hasattr(script, name)}
        both = sorted({"input_fn", "predict_fn", "output_fn"} & own.keys())
        if "transform_fn" in own and both:
            raise ScriptError(
                f"the script has transform_fn and {', '.join(both)}: transform_fn does all of it"
            )
        self._transform = own.get("transform_fn")
        self._input = own.get("input_fn", defaults.input_fn)
        self._predict = own.get("predict_fn", defaults.predict_fn)
        self._output = own.get("output_fn", encode)
        self._default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        self._one_at_a_time = threading.Lock()
        self._model = _call(own.get("model_fn", defaults.model_fn), str(folder))

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Return what the script makes of one request; what it raises is the model's error."""
        content_type = content_type or JSON
        wanted = accept.partition(",")[0].strip()
        if wanted in ("", "*/*"):
            wanted = self._default_accept
        data = body.decode() if media_type(content_type) in TEXT_TYPES else body
        with self._one_at_a_time:
            return _answer(self._answered(data, content_type, wanted), wanted)

    def _answered(self, data: bytes | str, content_type: str, accept: str) -> Any:
        if self._transform is not None:
            return _call(self._transform, self._model, data, content_type, accept)
        prediction = _call(self._predict, _call(self._input, data, content_type), self._model)
        return _call(self._output, prediction, accept)


def _answer(answered: Any, accept: str) -> Answer:
    if isinstance(answered, tuple) and len(answered) == 2:
        answered, accept = answered
    if isinstance(answered, str):
        answered = answered.encode()
    if not isinstance(answered, (bytes, bytearray)):
        answered = encode(answered, accept)
    return Answer(body=bytes(answered), content_type=accept)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of the script, with None for the context if it takes one."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return function(*arguments, None)
    except ValueError:  # one that does not tell its signature
        pass
    return function(*arguments)
