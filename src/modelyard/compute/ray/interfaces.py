"""Which network interface of this machine has an address."""

from __future__ import annotations

import fcntl
import json
import socket
import struct
from contextlib import suppress
from pathlib import Path

_SIOCGIFADDR = 0x8915  # of <linux/sockios.h>: an interface's IPv4 address
_LOOPBACK = "lo"


def interface_of(address: str) -> str:
    """Return the name of the interface with an IPv4 address; "lo" where none has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with suppress(OSError):  # it has none
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, request)
                if socket.inet_ntoa(answer[20:24]) == address:
                    return name
    return _LOOPBACK


def tell_interface(base: Path, address: str) -> None:
    """Write into a training job's resourceconfig.json by which interface its hosts meet."""
    path = base / "input" / "config" / "resourceconfig.json"
    if path.is_file():
        config = json.loads(path.read_text())
        if "network_interface_name" in config:
            path.write_text(json.dumps({**config, "network_interface_name": interface_of(address)}))
