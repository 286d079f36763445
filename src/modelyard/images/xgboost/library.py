"""XGBoost itself, imported without what a training job never uses."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_UNUSED = ("sklearn", "pandas", "pyarrow")


def load() -> ModuleType:
    """Import XGBoost.

    It tries to import scikit-learn and pandas for its own interfaces to them, which takes most of
    the seconds that a small job lasts. None in `sys.modules` makes `import` fail at once, which
    XGBoost takes for "not installed". What has been imported already stays.
    """
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the import system's own convention
    try:
        return importlib.import_module("xgboost")
    finally:
        for name in hidden:
            del sys.modules[name]
