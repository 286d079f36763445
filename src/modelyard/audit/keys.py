"""The keys of the trail, kept in the home: the present one, and those of older records.

The key follows from the home's sealing key, and that from the root secret where the operator gives
one. So when it is given another, older records need the former key to be verified with: the file
(mode 0600, beside the credentials that it follows from) keeps each that this home has had.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from modelyard.home import HomeError, write_whole
from modelyard.store.audit_chain import Seals, trail_key


def seals_of(sealing_key: str, path: Path) -> Seals:
    """Return the seals of a home, and leave the present key in its file.

    Raises:
        HomeError: the file cannot be read or written.
    """
    key = trail_key(sealing_key)
    former = _read(path)
    if key not in former:
        keys = [base64.b64encode(known).decode() for known in (*former, key)]
        write_whole(path, json.dumps({"keys": keys}).encode() + b"\n")
    return Seals(key, [known for known in former if known != key])


def _read(path: Path) -> list[bytes]:
    try:
        found = json.loads(path.read_bytes())
        return [base64.b64decode(text, validate=True) for text in found["keys"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise HomeError(
            f"the audit trail's keys in {path} cannot be read ({error}): restore the file, or "
            "move it away, and records that were sealed with former keys count as changed"
        ) from error
