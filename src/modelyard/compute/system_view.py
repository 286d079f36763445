"""What a job sees of the machine: the system's programs, this Python, and nothing of anybody's.

The view is a list of mounts in the order in which they are made, over an empty root. Everything
of the system is read-only; of `/etc` there are only the few files that programs need, those that
name users and hosts being made for the job.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import modelyard
from modelyard.compute.job_files import BASE
from modelyard.compute.runtime import Program

Kind = Literal["read-only", "writable", "symlink", "hidden", "processes", "devices"]

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
#: Where a program sees the file system of the container image that it runs.
IMAGE_ROOT = "/run/image"
#: What is mounted in an image: its unpacked file system has a folder, or a file, for each.
IMAGE_FOLDERS = ("proc", "dev", "tmp", "var/tmp", BASE.lstrip("/"))
IMAGE_FILES = ("etc/hosts", "etc/resolv.conf")
#: The machine's own switches: for root they are files of its own, to be turned without capability.
_PROC_SWITCHES = ("bus", "fs", "irq", "sys", "sysrq-trigger")
#: Of /etc: no file here holds a secret. /etc/ssl/private and /etc/pki/tls/private do.
ETC_FILES = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One entry of the view; `source` is the host's path, or what a symbolic link says."""

    kind: Kind
    target: str
    source: str = ""


def view_of(program: Program, scratch: Path, *, hidden: Sequence[Path], uid: int) -> list[Mount]:
    """Return the mounts that make up what `program` sees.

    Args:
        scratch: an existing folder for what is made for this program: its /tmp, its /etc files.
        hidden: folders that stay invisible wherever they lie, the server's home above all.
        uid: the program's user, as the program sees it.
    """
    (scratch / "tmp").mkdir()
    own = [
        Mount(kind="read-only", target=str(path), source=str(path)) for path in interpreter_paths()
    ]
    buried = [mount for mount in own if _lies_in(mount.source, hidden)]
    shown = [*_system(), *(mount for mount in own if mount not in buried)]
    return [
        *_kernel(""),
        Mount(kind="writable", target="/tmp", source=str(scratch / "tmp")),  # noqa: S108
        Mount(kind="symlink", target="/var/tmp", source="/tmp"),  # noqa: S108
        *_etc(program, scratch, uid),
        *shown,
        *_links_to_interpreter(),
        *(
            Mount(kind="hidden", target=str(path))
            for path in hidden
            if _lies_in(str(path), [Path(m.source) for m in shown if m.kind == "read-only"])
        ),
        *buried,
        *_base(program, ""),
        *_image(program, scratch),
        *(_empty("/sys", scratch) if program.builder else []),  # a RUN step's /sys is bound to it
    ]


def _empty(target: str, scratch: Path) -> list[Mount]:
    folder = scratch / "empty"
    folder.mkdir()
    return [Mount(kind="read-only", target=target, source=str(folder))]


def _kernel(root: str) -> list[Mount]:
    """Return /proc and /dev below `root`."""
    return [
        Mount(kind="processes", target=f"{root}/proc"),
        *(
            Mount(kind="read-only", target=f"{root}/proc/{name}", source=f"/proc/{name}")
            for name in _PROC_SWITCHES
            if Path(f"/proc/{name}").exists()
        ),
        Mount(kind="devices", target=f"{root}/dev"),
    ]


def _base(program: Program, root: str) -> list[Mount]:
    """Return /opt/ml below `root`."""
    return [
        Mount(kind="writable", target=f"{root}{BASE}", source=str(program.base)),
        *(
            Mount(kind="read-only", target=f"{root}{BASE}/{path}", source=str(folder))
            for path, folder in program.inputs.items()
        ),
    ]


def _image(program: Program, scratch: Path) -> list[Mount]:
    """Return the image's file system and what is mounted in it, if the program runs one."""
    if program.image is None:
        return []
    etc = scratch / "etc"
    return [
        Mount(kind="read-only", target=IMAGE_ROOT, source=str(program.image)),
        *_kernel(IMAGE_ROOT),
        *(
            Mount(kind="writable", target=f"{IMAGE_ROOT}/{name}", source=str(scratch / "tmp"))
            for name in ("tmp", "var/tmp")
        ),
        *(
            Mount(kind="read-only", target=f"{IMAGE_ROOT}/{name}", source=str(source))
            for name in IMAGE_FILES
            if (source := etc / Path(name).name).exists()
        ),
        *_base(program, IMAGE_ROOT),
    ]


def interpreter_paths() -> list[Path]:
    """Return the folders that this Python and this package run from, none inside another."""
    package = Path(modelyard.__file__ or "").parent
    found = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), package]
    found += [path.resolve() for path in found]
    kept: list[Path] = []
    for path in sorted(set(found)):
        if not _lies_in(str(path), [*kept, *(Path(folder) for folder in SYSTEM_FOLDERS)]):
            kept.append(path)
    return kept


def listable_paths() -> list[Path]:
    """Return the folders that Python looks through for this package, but need not read."""
    return [Path(modelyard.__file__ or "").parents[1]]


def etc_paths() -> list[str]:
    """Return which of the machine's own files in /etc a job may see, those that exist."""
    return [path for name in ETC_FILES if os.path.exists(path := f"/etc/{name}")]  # noqa: PTH110


def _system() -> list[Mount]:
    found = []
    for folder in SYSTEM_FOLDERS:
        path = Path(folder)
        if path.is_symlink():
            found.append(Mount(kind="symlink", target=folder, source=str(path.readlink())))
        elif path.is_dir():
            found.append(Mount(kind="read-only", target=folder, source=folder))
    return found


def _links_to_interpreter() -> list[Mount]:
    """A virtual environment's `python` is a link, perhaps by way of others outside of it."""
    shown = [*interpreter_paths(), *(Path(folder) for folder in SYSTEM_FOLDERS)]
    found = []
    path = Path(sys.executable)
    while path.is_symlink():
        if not _lies_in(str(path), shown):
            found.append(Mount(kind="symlink", target=str(path), source=str(path.readlink())))
        path = path.parent / path.readlink()
    return found


def _etc(program: Program, scratch: Path, uid: int) -> list[Mount]:
    folder = scratch / "etc"
    folder.mkdir()
    made = {
        "passwd": _passwd(uid),
        "group": "root:x:0:\nnogroup:x:65534:\n",
        "hosts": _hosts(program),
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }
    resolver = Path("/etc/resolv.conf")
    if program.network and resolver.exists():
        made["resolv.conf"] = resolver.read_text(errors="replace")
    for name, text in made.items():
        (folder / name).write_text(text)
    return [
        *(Mount(kind="read-only", target=path, source=path) for path in etc_paths()),
        *(
            Mount(kind="read-only", target=f"/etc/{name}", source=str(folder / name))
            for name in made
        ),
    ]


def _passwd(uid: int) -> str:
    lines = ["root:x:0:0:root:/tmp:/bin/sh", "nobody:x:65534:65534:nobody:/tmp:/bin/false"]
    if uid not in (0, 65534):
        lines.insert(1, f"job:x:{uid}:{os.getgid()}:job:/tmp:/bin/sh")
    return "\n".join(lines) + "\n"


def _hosts(program: Program) -> str:
    lines = [f"127.0.0.1 localhost {socket.gethostname()}", "::1 localhost"]
    lines += [f"{address} {name}" for name, address in program.hosts.items()]
    return "\n".join(lines) + "\n"


def _lies_in(path: str, folders: Iterable[Path]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)
