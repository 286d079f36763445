"""Runs `modelyard` with a bomb in it: the process is killed by SIGKILL at one named function.

    python -m tests.faults.launcher before:modelyard.jobs.workflow:JobWorkflow.run up …

`before:` kills at the first call, `after:` when that call has returned.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def plant(bomb: str) -> None:
    """Wrap the function that `bomb` names: `<before|after>:<module>:<qualified name>`."""
    when, module_name, qualified = bomb.split(":")
    owner: Any = importlib.import_module(module_name)
    *path, name = qualified.split(".")
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, name, _bombed(getattr(owner, name), when))


def _bombed(function: Callable[..., Any], when: str) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def bombed_coroutine(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                _die()
            try:
                return await function(*args, **kwargs)
            finally:
                _die()

        return bombed_coroutine

    @functools.wraps(function)
    def bombed(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            _die()
        try:
            return function(*args, **kwargs)
        finally:
            _die()

    return bombed


if __name__ == "__main__":
    bomb, *arguments = sys.argv[1:]
    plant(bomb)
    from modelyard.cli.main import main

    sys.argv = ["modelyard", *arguments]
    main()
