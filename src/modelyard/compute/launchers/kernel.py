"""What Linux offers and the standard library does not: mounts, capabilities, Landlock, seccomp.

Each function is one system call, or the few that make one idea. Numbers and structures are the
kernel's own, from its `uapi` headers; those above 424 are the same on every architecture.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import stat
import struct
from collections.abc import Iterable

#: Machine -> what the kernel calls its architecture, the number of socket(2).
_SOCKET_CALL = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_SYS_IO_URING_SETUP = 425
_X32_NUMBERS = 0x40000000  # a second set of numbers that x86_64 has for the same calls
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050000 | errno.EACCES, 0x7FFF0000

_libc = ctypes.CDLL(None, use_errno=True)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4
_SYS_MOUNT_SETATTR = 442
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 1, 36, 38, 24
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_NEWUSER = 0x10000000
CHROOT = 18  # CAP_SYS_CHROOT
#: Every capability up to CAP_CHECKPOINT_RESTORE, of Linux 5.9.
ALL = tuple(range(41))

_SYS_LANDLOCK_CREATE_RULESET, _SYS_LANDLOCK_ADD_RULE, _SYS_LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_RULE_PATH_BENEATH = 1
#: EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV: what can be granted for one file.
_FILE_RIGHTS = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)
_LIST_RIGHT = 1 << 3  # READ_DIR
_READ_RIGHTS = (1 << 0) | (1 << 2) | _LIST_RIGHT  # EXECUTE, READ_FILE
_LANDLOCK_SCOPES = (1 << 0) | (1 << 1)  # abstract unix sockets, signals


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def drop_privileges(keep: Iterable[int] = ()) -> None:
    """Give up every capability but those to keep, for good: a setuid program gives none back."""
    kept = frozenset(keep)
    for capability in range(64):
        if capability in kept:
            continue
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the kernel knows no more, or there is none to drop
    low, high = (sum(1 << bit % 32 for bit in kept if bit // 32 == word) for word in (0, 1))
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable: of the first 32, then of the others.
    sets = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_libc.capset(header, sets), "capset")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def new_user_namespace() -> None:
    """Go into a user namespace of this process's own, in which nobody is anybody yet."""
    _check(_libc.unshare(ctypes.c_int(_CLONE_NEWUSER)), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Call mount(2)."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _check(result, f"mount {source or kind} on {target}")


def make_read_only(target: str) -> None:
    """Make a mount, and all that is mounted below it, read-only, without devices or setuid."""
    attributes = (ctypes.c_uint64 * 4)(
        _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV, 0, 0, 0
    )
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        target.encode(),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr {target}")


def change_root(new: str) -> None:
    """Make `new` the root, and let go of the old one."""
    machine = os.uname().machine
    if machine not in _SYS_PIVOT_ROOT:
        raise OSError(f"pivot_root's number is not known on {machine}")
    os.chdir(new)
    # With "." for both, the old root ends up mounted over the new one, from where it is detached.
    _check(_libc.syscall(ctypes.c_long(_SYS_PIVOT_ROOT[machine]), b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")


def landlock_version() -> int:
    """Return which version of Landlock the kernel enforces; 0 if none."""
    version = _libc.syscall(
        ctypes.c_long(_SYS_LANDLOCK_CREATE_RULESET),
        None,
        ctypes.c_size_t(0),
        ctypes.c_uint(_LANDLOCK_CREATE_RULESET_VERSION),
    )
    return max(0, int(version))


def confine_to(
    *, listable: Iterable[str], readable: Iterable[str], writable: Iterable[str]
) -> None:
    """Allow this process and its descendants these paths and no others, for good (Landlock)."""
    version = landlock_version()
    handled = (1 << (16 if version >= 5 else 15)) - 1
    scopes = _LANDLOCK_SCOPES if version >= 6 else 0
    size = 24 if version >= 6 else 8
    attributes = (ctypes.c_uint64 * 3)(handled, 0, scopes)
    ruleset = _libc.syscall(
        ctypes.c_long(_SYS_LANDLOCK_CREATE_RULESET),
        attributes,
        ctypes.c_size_t(size),
        ctypes.c_uint(0),
    )
    _check(min(0, ruleset), "landlock_create_ruleset")
    for path in listable:
        _allow(ruleset, path, _LIST_RIGHT)
    for path in readable:
        _allow(ruleset, path, handled & _READ_RIGHTS)
    for path in writable:
        _allow(ruleset, path, handled)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    result = _libc.syscall(
        ctypes.c_long(_SYS_LANDLOCK_RESTRICT_SELF), ctypes.c_int(ruleset), ctypes.c_uint(0)
    )
    _check(result, "landlock_restrict_self")
    os.close(ruleset)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # what a packed structure means, said aloud since Python 3.14
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _FILE_RIGHTS
        rule = _PathBeneath(allowed_access=rights, parent_fd=handle)
        result = _libc.syscall(
            ctypes.c_long(_SYS_LANDLOCK_ADD_RULE),
            ctypes.c_int(ruleset),
            ctypes.c_int(_LANDLOCK_RULE_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint(0),
        )
        _check(result, f"landlock_add_rule {path}")
    finally:
        os.close(handle)


def can_filter_sockets() -> bool:
    """Whether `allow_sockets` knows this machine."""
    return os.uname().machine in _SOCKET_CALL


def allow_sockets(families: Iterable[int]) -> None:
    """Allow this process and its descendants sockets of these families only, for good (seccomp).

    Pairs of sockets, which lead nowhere, are not affected.
    """
    architecture, socket_call = _SOCKET_CALL[os.uname().machine]
    allowed = list(families)
    program = [
        _filter(_LOAD, _AT_ARCHITECTURE),
        _filter(_JUMP_IF_EQUAL, architecture, then=1),
        _filter(_RETURN, _KILL),  # a program of another architecture, with other numbers
        _filter(_LOAD, _AT_NUMBER),
        _filter(_JUMP_IF_AT_LEAST, _X32_NUMBERS, otherwise=1),
        _filter(_RETURN, _REFUSE),
        _filter(_JUMP_IF_EQUAL, _SYS_IO_URING_SETUP, otherwise=1),  # it, too, makes sockets
        _filter(_RETURN, _REFUSE),
        _filter(_JUMP_IF_EQUAL, socket_call, then=1),
        _filter(_RETURN, _ALLOW),
        _filter(_LOAD, _AT_FIRST_ARGUMENT),
    ]
    for family in allowed:
        program += [_filter(_JUMP_IF_EQUAL, family, otherwise=1), _filter(_RETURN, _ALLOW)]
    program.append(_filter(_RETURN, _REFUSE))
    code = ctypes.create_string_buffer(b"".join(program))
    head = _FilterProgram(length=len(program), code=ctypes.addressof(code))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    result = _libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(head))
    _check(result, "prctl PR_SET_SECCOMP")


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _filter(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """Return one instruction; `then` and `otherwise` are how many of the next to skip."""
    return struct.pack("=HBBI", code, then, otherwise, value)


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
