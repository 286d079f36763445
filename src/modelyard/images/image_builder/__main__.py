"""The program's entry point: `python -m modelyard.images.image_builder`.

It finds its orders in /opt/ml/input/config/build.json, the folder with the Dockerfile in
/opt/ml/input/data/context, and leaves the image in /opt/ml/model: `layout`, the image itself;
`rootfs`, the file system that it runs in; `config.json`; and `software.cdx.json`.
"""

from __future__ import annotations

import json
import re
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelyard.images.image_builder.docker_archive import to_layout
from modelyard.images.image_builder.engines import ENGINES, BuildError, Engine, remove, say
from modelyard.images.image_builder.layers import LayerError, add_mount_points, unpack
from modelyard.images.image_builder.layout import read_layout
from modelyard.images.image_builder.software import bill_of_materials

_BASE = Path("/opt/ml")
_STEP = re.compile(r"STEP \d+/\d+: .*")
_LAST_LINES = 20
_FAILURE_CHARACTERS = 1024


def main() -> int:
    """Carry out the orders and return the exit code; with the argument `clear` only clear up."""
    if sys.argv[1:] == ["clear"]:
        remove(_BASE / "storage")
        return 0
    orders = json.loads((_BASE / "input" / "config" / "build.json").read_text())
    if orders["engine"] == "docker":
        return _import(orders)
    engine = ENGINES[orders["engine"]](
        _BASE / "storage",
        orders["registries"],
        orders["bases"],
        secrets=_BASE / "input" / "config",
    )
    log = _BuildLog()
    try:
        pulled = _make(engine, orders, log)
        engine.export(orders["name"], _BASE / "model" / "layout", log.tell)
        log.step = ""
        _unpack(orders, pulled)
    except (BuildError, LayerError) as error:
        return _failed(log.explain(error))
    finally:
        engine.close()
    return 0


def _import(orders: Mapping[str, Any]) -> int:
    """Make the image of what docker has pulled and saved."""
    try:
        to_layout(_BASE / "input" / "data" / "archive.tar", _BASE / "model" / "layout")
        _unpack(orders, "")
    except LayerError as error:
        return _failed(str(error))
    return 0


class _BuildLog:
    """What the engine says, as it is said; remembers the step that it is at, and its last lines."""

    def __init__(self) -> None:
        self.step = ""
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    def tell(self, line: str) -> None:
        say(line)
        if _STEP.fullmatch(line):
            self.step = line
            self._last.clear()
        elif line.strip():
            self._last.append(line)

    def explain(self, error: Exception) -> str:
        """Return what failed: the Dockerfile's step, and the end of what it said."""
        said = "\n".join(self._last)
        if not self.step:
            return f"{error}: {said}" if said else str(error)
        return f"{self.step} failed. Its last lines: {said or 'it said nothing'}"


def _make(engine: Engine, orders: Mapping[str, Any], log: _BuildLog) -> str:
    """Build the image, or pull it, under the name that the orders give it.

    Returns the digest that it has where it was pulled from; "" if it was not pulled.
    """
    for name, folder in orders.get("bases", {}).items():
        engine.pull(f"oci:{_BASE / folder}", name, log.tell)
    if orders.get("pull"):
        engine.pull(f"docker://{orders['pull']}", orders["name"], log.tell)
        return engine.digest(orders["name"])
    context = _BASE / "input" / "data" / "context"
    engine.build(context, orders["dockerfile"], orders["name"], log.tell)
    return ""


def _unpack(orders: Mapping[str, Any], pulled: str) -> None:
    """Write what the image is run with beside the image itself."""
    model = _BASE / "model"
    image = read_layout(model / "layout")
    root = model / "rootfs"
    unpack(image.layers, root)
    mounts: Mapping[str, Sequence[str]] = orders["mount_points"]
    add_mount_points(root, mounts["folders"], mounts["files"])
    document = bill_of_materials(root, name=orders["name"], digest=image.digest)
    (model / "software.cdx.json").write_text(json.dumps(document, indent=2))
    settings = image.config.get("config") or {}
    (model / "config.json").write_text(
        json.dumps({"digest": image.digest, "config": settings, "pulled": pulled})
    )
    say(f"{orders['name']}: {image.digest}, {len(document['components'])} software components")


def _failed(message: str) -> int:
    path = _BASE / "output" / "failure"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_end_kept(message))
    return 1


def _end_kept(message: str) -> str:
    """Return a message that fits: its beginning names the step, its end says why."""
    if len(message) <= _FAILURE_CHARACTERS:
        return message
    half = _FAILURE_CHARACTERS // 2 - 2
    return f"{message[:half]} … {message[-half:]}"


if __name__ == "__main__":
    sys.exit(main())
