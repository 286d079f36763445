"""The root credentials: made at the first start, kept in one file that only its owner can read.

There is no default password. The operator may give the three instead (settings `MODELYARD_ROOT_*`);
the file then takes them over, so that it always says what is in force.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from modelyard.home import HomeError, write_whole
from modelyard.sealing import new_sealing_key

_ALPHANUMERIC = string.ascii_letters + string.digits
_ROOT_KEY_PREFIX = "MYIA"
_SESSION_KEY_PREFIX = "MYSA"
_MAX_FILE_BYTES = 65_536

#: What each credential must look like, in a regular expression and in words.
_RULES = {
    "access_key_id": (r"[A-Za-z0-9_]{8,128}", "8 to 128 letters, digits or underscores"),
    "secret_access_key": (r"[!-~]{16,256}", "16 to 256 printable characters without spaces"),
    "token": (r"[!-~]{16,512}", "16 to 512 printable characters without spaces"),
}


class CredentialsError(Exception):
    """The root credentials cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What the root of the server's account proves itself with; never shown by `repr`."""

    access_key_id: str
    secret_access_key: str
    token: str  # for plain HTTP: `Authorization: Bearer <token>`
    sealing_key: str  # base64url; opens the session tokens of temporary credentials

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id})"


def new_access_key(*, temporary: bool) -> tuple[str, str]:
    """Return a fresh access key id (20 characters) and secret access key (40 characters)."""
    letters = string.ascii_uppercase + "234567"
    prefix = _SESSION_KEY_PREFIX if temporary else _ROOT_KEY_PREFIX
    key_id = prefix + "".join(secrets.choice(letters) for _ in range(16))
    return key_id, "".join(secrets.choice(_ALPHANUMERIC) for _ in range(40))


def bearer_token_of(access_key_id: str, secret_access_key: str) -> str:
    """Return the bearer token that an access key has: it works as long as the key does.

    It follows from the secret, and the secret does not follow from it (HMAC-SHA-256).
    """
    digest = hmac.digest(secret_access_key.encode(), b"modelyard bearer token", "sha256")
    return f"my_{access_key_id}_{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def read_credentials(path: Path) -> Credentials:
    """Return the credentials that `path` holds.

    Raises:
        CredentialsError: there is no such file, others may read it, or it is not whole.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise CredentialsError(f"there is no {path}: the first 'modelyard up' makes it") from error
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise CredentialsError(f"{path} cannot be read: {why}") from error
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise CredentialsError(
                f"{path} has mode {mode:04o}, so others on this machine may have read it: "
                f"run 'chmod 600 {path}', or delete it to have new credentials made"
            )
        return _decoded(path, file.read(_MAX_FILE_BYTES))


def establish_credentials(
    path: Path,
    *,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    token: str | None = None,
) -> Credentials:
    """Return the credentials in force, and leave `path` (mode 0600) saying the same.

    Without arguments these are the file's, which is made if it is not there. What is given replaces
    the file's: the two halves of an access key together, the token also by itself. With a given
    secret the sealing key follows from it, so that several servers with the same settings accept
    each other's sessions.

    Raises:
        CredentialsError: half an access key, or something malformed, was given (all problems at
            once), or the file cannot be used or written.
    """
    given = {
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        "token": token,
    }
    there = path.exists() or path.is_symlink()
    kept = read_credentials(path) if there else _fresh_credentials()
    wanted = replace(kept, **_checked(given))
    if not there or wanted != kept:
        _write(path, wanted)
    return wanted


def _fresh_credentials() -> Credentials:
    key_id, secret = new_access_key(temporary=False)
    return Credentials(
        access_key_id=key_id,
        secret_access_key=secret,
        token=f"my_{secrets.token_urlsafe(32)}",
        sealing_key=new_sealing_key(),
    )


def _checked(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return what was given, with the sealing key that follows from it."""
    whole = {name: value for name, value in given.items() if value is not None}
    halves = [name for name in ("access_key_id", "secret_access_key") if name not in whole]
    problems = [
        f"{_setting(name)} is not set: give both halves of an access key, or neither"
        for name in halves
        if len(halves) == 1
    ]
    for name, value in whole.items():
        pattern, words = _RULES[name]
        if re.fullmatch(pattern, value) is None:
            problems.append(f"{_setting(name)} must be {words}")
    if problems:
        raise CredentialsError("; ".join(problems))
    if "secret_access_key" in whole:
        whole["sealing_key"] = _sealing_key_of(whole["secret_access_key"])
    return whole


def _setting(name: str) -> str:
    return f"MODELYARD_ROOT_{name.upper()}"


def _sealing_key_of(secret: str) -> str:
    key = hashlib.sha256(b"modelyard sealing key\x00" + secret.encode()).digest()
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def _decoded(path: Path, content: bytes) -> Credentials:
    names = [field.name for field in fields(Credentials)]
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(
        isinstance(found.get(name), str) and found[name] for name in names
    ):
        raise CredentialsError(
            f"{path} is not whole (it must be JSON with {', '.join(names)}): "
            "restore it, or delete it to have new credentials made"
        )
    return Credentials(**{name: found[name] for name in names})


def _write(path: Path, credentials: Credentials) -> None:
    text = json.dumps(asdict(credentials), indent=2) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except (OSError, HomeError) as error:
        raise CredentialsError(f"{path} cannot be written: {error}") from error
