"""The program: `<framework> train` runs a user's script, `<framework> serve` its functions."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from modelyard.images.script_mode.errors import ScriptError

_USAGE = "usage: python -m modelyard.images.script_mode scikit-learn|xgboost train|serve"


def main(arguments: Sequence[str]) -> int:
    """Return the exit code."""
    match list(arguments):
        case [framework, "train"]:
            from modelyard.images.script_mode.training import train

            return train(framework)
        case [framework, "serve"]:
            from modelyard.images.script_mode.serving import serve_script

            try:
                serve_script(framework)
            except ScriptError as error:
                print(error, flush=True)
                return 1
            return 0
    print(_USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
