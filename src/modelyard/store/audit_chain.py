"""The audit trail's chain: each record is sealed together with the seal of the one before it.

    mac(n) = HMAC-SHA-256(key, canonical JSON of record n, its number, and mac(n - 1))

Whoever has no key cannot write a record, change one, or leave one out without the seals telling.
The chain's newest seal, its head, is kept outside the database too: only that tells of an end that
was cut off. Canonical JSON: keys sorted, ASCII, no spaces.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from modelyard.store import tables

#: The seal before the first record's.
GENESIS = "0" * 64

#: What became of a call that was carried out.
OK = "ok"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one record says. A summary stands for `calls` calls that agree in all but time."""

    at: int  # microseconds since 1970, UTC
    account: str  # of the principal; "" where nobody proved to be one
    principal: str  # an ARN; of a refused authentication, what was claimed
    person: str  # the ARN of who stands behind the principal
    source: str  # the address that the call came from
    door: str
    action: str
    resource: str
    allowed: bool
    policies: tuple[str, ...] = ()  # the ids of those that decided
    outcome: str  # `OK`, or the error's code
    request_id: str
    calls: int = 1
    note: str = ""

    def fitted(self) -> Entry:
        """Return this entry with texts that any database takes, cut to what is kept of each."""
        words, texts = tables.AUDIT_WORD_BYTES, tables.AUDIT_TEXT_BYTES
        return replace(
            self,
            account=fitted(self.account, tables.ACCOUNT_BYTES),
            principal=fitted(self.principal, texts),
            person=fitted(self.person, texts),
            source=fitted(self.source, words),
            door=fitted(self.door, words),
            action=fitted(self.action, words),
            resource=fitted(self.resource, texts),
            policies=tuple(_line(policy) for policy in self.policies[:100] if policy),
            outcome=fitted(self.outcome, words),
            request_id=fitted(self.request_id, words),
            note=fitted(self.note, texts),
        )


@dataclass(frozen=True, kw_only=True)
class Head:
    """The newest record's number and seal; of an empty trail 0 and `GENESIS`."""

    sequence: int = 0
    mac: str = GENESIS


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry in its place."""

    sequence: int
    entry: Entry
    key_id: str
    mac: str


class Seals:
    """Makes and checks seals.

    Args:
        key: seals what is written.
        former: keys that older records were sealed with.
    """

    def __init__(self, key: bytes, former: Iterable[bytes] = ()) -> None:
        self.key_id = key_id(key)
        self._key = key
        self._keys: Mapping[str, bytes] = {key_id(known): known for known in (*former, key)}

    def chained(self, head: Head, entry: Entry) -> Record:
        """Return `entry` as the record that follows `head`."""
        sequence = head.sequence + 1
        mac = self._record_mac(self._key, self.key_id, sequence, entry, head.mac)
        return Record(sequence=sequence, entry=entry, key_id=self.key_id, mac=mac)

    def follows(self, head: Head, record: Record, *, mac: str | None = None) -> bool:
        """Return whether `record` is the genuine one after `head`.

        Args:
            mac: compare with this seal, not with the record's own.
        """
        key = self._keys.get(record.key_id)
        if key is None:
            return False
        made = self._record_mac(key, record.key_id, head.sequence + 1, record.entry, head.mac)
        return _same(made, record.mac if mac is None else mac)

    def sign(self, purpose: str, *values: object) -> str:
        """Return a seal of something beside the chain: a pruning, a copy of the head."""
        return _mac(self._key, [purpose, *values])

    def is_signed(self, mac: str, key_id: str, purpose: str, *values: object) -> bool:
        """Return whether `mac` is what `sign` made, with the key of that id."""
        key = self._keys.get(key_id)
        return key is not None and _same(_mac(key, [purpose, *values]), mac)

    @staticmethod
    def _record_mac(key: bytes, key_id: str, sequence: int, entry: Entry, previous: str) -> str:
        return _mac(
            key, {**vars(entry), "key_id": key_id, "previous": previous, "sequence": sequence}
        )


def trail_key(sealing_key: str) -> bytes:
    """Return the key of the trail that follows from the home's sealing key."""
    return hmac.digest(sealing_key.encode(), b"modelyard audit trail\x00", "sha256")


def key_id(key: bytes) -> str:
    """Return what a key is called in records: 16 hex digits that do not tell it."""
    return hashlib.sha256(b"modelyard audit key id\x00" + key).hexdigest()[:16]


def fitted(text: str, most: int) -> str:
    """Return `text` as any database takes it, in at most `most` bytes of UTF-8."""
    if text.isascii() and len(text) <= most and "\0" not in text:
        return text
    clean = text.encode("utf-8", "replace").replace(b"\0", b"?")
    if len(clean) <= most:
        return clean.decode()
    mark = "…" if most >= 16 else ""
    return clean[: most - len(mark.encode())].decode("utf-8", "ignore") + mark


def _same(made: str, found: str) -> bool:
    return hmac.compare_digest(made.encode(), found.encode("utf-8", "replace"))


def _line(text: str) -> str:
    return fitted(" ".join(text.split()), tables.AUDIT_WORD_BYTES)


def _mac(key: bytes, content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()
