"""Where the sagemaker SDKs look for STS, pointed at this server.

Both lines of the SDK ask STS who is calling at `https://<host name>`, with the host name out of
botocore's table of endpoints, and no variable changes that. botocore reads another table out of
`~/.aws/models` ahead of its own. It would out of `AWS_DATA_PATH`, too, but the SDKs leave that out
(`sagemaker.utils._botocore_resolver` calls `create_loader()` without it).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelyard.home import write_whole

#: By this member of the document we know our own file again; botocore passes it over.
_MARK = "modelyard"


class ForeignEndpoints(Exception):
    """There is a table of endpoints that Modelyard did not write; it is left as it is."""


def models_file(user_home: Path) -> Path:
    """Return the table that botocore reads ahead of its own."""
    return user_home / ".aws" / "models" / "endpoints.json"


def write_endpoints(path: Path, address: str) -> None:
    """Write botocore's table with every STS of it at `address`, "host:port".

    Raises:
        ForeignEndpoints: there is one of somebody else's.
        HomeError: it cannot be written.
        OSError: nor its folder made.
    """
    _require_own(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(redirected(_botocore_table(), address)).encode(), mode=0o644)


def remove_endpoints(path: Path) -> bool:
    """Remove the table that `write_endpoints` wrote; return whether there was one.

    Raises:
        ForeignEndpoints: there is one, but of somebody else's.
    """
    if not path.exists():
        return False
    _require_own(path)
    path.unlink()
    return True


def redirected(table: dict[str, Any], address: str) -> dict[str, Any]:
    """Return a table of endpoints in which the STS of every region is at `address`."""
    partitions = [_partition(partition, address) for partition in table["partitions"]]
    return {**table, "partitions": partitions, _MARK: {"address": address}}


def _partition(partition: dict[str, Any], address: str) -> dict[str, Any]:
    services = partition["services"]
    sts = services.get("sts", {"endpoints": {}})
    endpoints = {
        region: {
            **{name: value for name, value in endpoint.items() if name != "variants"},
            "hostname": address,
        }
        for region, endpoint in sts["endpoints"].items()
    }
    # The defaults are for regions that this table does not know.
    defaults = {**sts.get("defaults", {}), "hostname": address, "protocols": ["https"]}
    defaults.pop("variants", None)
    redirected_sts = {**sts, "defaults": defaults, "endpoints": endpoints}
    return {**partition, "services": {**services, "sts": redirected_sts}}


def _botocore_table() -> dict[str, Any]:
    from botocore import BOTOCORE_ROOT

    table: dict[str, Any] = json.loads(Path(BOTOCORE_ROOT, "data", "endpoints.json").read_bytes())
    return table


def _require_own(path: Path) -> None:
    if not path.exists():
        return
    try:
        mine = _MARK in json.loads(path.read_bytes())
    except (ValueError, TypeError):
        mine = False
    if not mine:
        raise ForeignEndpoints(
            f"{path} is there already, and not Modelyard's: move it away, or add Modelyard's STS "
            "to it yourself"
        )
