"""The first process of new namespaces: builds the file system that a job sees, then starts the job.

`unshare` starts it as process 1, with all capabilities within the namespaces and none outside. It
mounts what its plan lists, makes that the root, starts the program without any capability, and
stays as the parent of what the program leaves behind. When it ends, the kernel ends all of them.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from modelyard.compute.launchers import kernel

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def main(arguments: Sequence[str]) -> int:
    """Carry out the plan in the file that the argument names; return the program's exit code."""
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    root = plan["root"]
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")
    for entry in plan["mounts"]:
        _mount(root, entry)
    kernel.change_root(root)
    kernel.mount("", "/", flags=_READ_ONLY_AGAIN)
    if plan["loopback"]:
        _raise_loopback()
    return _run(plan["argv"], plan["environment"], plan["folder"], plan["keep"])


#: MS_REMOUNT; the job must not be able to write even to its empty root.
_READ_ONLY_AGAIN = 32 | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV


def _mount(root: str, entry: Mapping[str, str]) -> None:
    kind, source = entry["kind"], entry["source"]
    path = Path(root + entry["target"])
    target = str(path)
    if kind == "symlink":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(source)
    elif kind in ("read-only", "writable"):
        _make_mount_point(source, path)
        kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
        if kind == "read-only":
            kernel.make_read_only(target)
    elif kind == "hidden":
        kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0700")
        kernel.make_read_only(target)
    else:
        path.mkdir(parents=True, exist_ok=True)
        {"processes": _mount_processes, "devices": _mount_devices}[kind](path)


def _make_mount_point(source: str, path: Path) -> None:
    if path.exists():
        return
    if Path(source).is_dir():
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _mount_processes(folder: Path) -> None:
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", str(folder), "proc", flags)


def _mount_devices(folder: Path) -> None:
    kernel.mount("tmpfs", str(folder), "tmpfs", kernel.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        (folder / name).touch()
        kernel.mount(f"/dev/{name}", str(folder / name), flags=kernel.MS_BIND)
    flags = kernel.MS_NOSUID | kernel.MS_NOEXEC
    (folder / "shm").mkdir()
    kernel.mount("tmpfs", str(folder / "shm"), "tmpfs", flags | kernel.MS_NODEV, "mode=1777")
    (folder / "pts").mkdir()
    with suppress(OSError):  # a job without terminals is no less a job
        options = "newinstance,ptmxmode=0666,mode=620"
        kernel.mount("devpts", str(folder / "pts"), "devpts", flags, options)
    for name, source in _DEVICE_LINKS.items():
        (folder / name).symlink_to(source)


def _raise_loopback() -> None:
    """A new network namespace has nothing but `lo`, and that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _run(
    argv: Sequence[str], environment: Mapping[str, str], folder: str, keep: Sequence[int]
) -> int:
    child = os.fork()
    if child == 0:
        _become(argv, environment, folder, keep)
    # Process 1 gets no signal that it has no handler for; those are for the program anyway.
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _become(
    argv: Sequence[str], environment: Mapping[str, str], folder: str, keep: Sequence[int]
) -> None:
    try:
        os.setsid()
        os.chdir(folder)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        kernel.drop_privileges(keep)
        os.execvpe(argv[0], list(argv), dict(environment))  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(1, f"cannot start {argv[0]}: {error}\n".encode())
    os._exit(127)
