"""Looks whether a Ray cluster takes orders from everybody who reaches it.

Run as `python -m modelyard.compute.ray.probe <address>`, in a process of its own, since Ray reads
its token once in a process: this one has none. The exit code tells.
"""

from __future__ import annotations

import os
import sys

ASKS_FOR_A_TOKEN, OPEN_TO_ALL, UNREACHABLE = 10, 11, 12
_SECONDS = 10.0


def _probe(address: str) -> int:
    # Read when Ray is imported.
    os.environ["RAY_AUTH_MODE"] = "disabled"
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        os.environ.pop(name, None)
    from ray._raylet import GcsClient  # type: ignore[attr-defined]
    from ray.exceptions import AuthenticationError, RayError

    try:
        GcsClient(address=address).get_all_node_info(timeout=_SECONDS)
    except AuthenticationError:
        return ASKS_FOR_A_TOKEN
    except (RayError, OSError, RuntimeError):
        return UNREACHABLE
    return OPEN_TO_ALL


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(_probe(sys.argv[1]))
