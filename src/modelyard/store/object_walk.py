"""A bucket's keys in the order of their bytes, found in the folders that hold them.

Of names that a file system sorts, `a/b` comes ahead of `a-b`; of keys, behind it. So a folder is
sorted as if its name ended in the slash that follows it in the keys. Code points and UTF-8 bytes
sort alike, which is why plain text is compared here.

Only regular files are objects: links and devices are passed over, and so is a name that no key can
have. A folder that vanishes on the way is empty.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from modelyard.store.s3_uris import key_problem, prefix_problem

#: A file's key and entry; sorting needs the key alone.
Found = tuple[str, os.DirEntry[str]]


class Walk:
    """Iterates over the files of one bucket whose key begins with `prefix` and is behind `after`.

    It holds one sorted folder listing per level, and reads no folder that cannot hold such a key.
    """

    def __init__(self, bucket: Path, *, prefix: str = "", after: str = "") -> None:
        self._prefix = prefix
        self._after = after
        #: What is left of each folder on the way down, with what the keys in it begin with.
        self._levels: list[tuple[str, Iterator[Found]]] = []
        base = prefix[: prefix.rfind("/") + 1]
        folder = bucket / base
        # `..`, `//` and links would lead out of the bucket, and no key has them.
        if prefix_problem(prefix) is None and folder.resolve() == folder:
            self._levels.append((base, self._sorted(folder, base)))

    def __iter__(self) -> Iterator[Found]:
        return self

    def __next__(self) -> Found:
        while self._levels:
            found = next(self._levels[-1][1], None)
            if found is None:
                self._levels.pop()
                continue
            key, entry = found
            if key.endswith("/"):
                self._levels.append((key, self._sorted(Path(entry.path), key)))
            elif key_problem(key) is None:
                return found
        raise StopIteration

    def skip(self, prefix: str) -> None:
        """Leave the folders whose keys all begin with `prefix`."""
        while self._levels and self._levels[-1][0].startswith(prefix):
            self._levels.pop()

    def _sorted(self, folder: Path, base: str) -> Iterator[Found]:
        try:
            with os.scandir(folder) as entries:
                found = [(_key(base, entry), entry) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return iter(())
        wanted = [(key, entry) for key, entry in found if key and self._is_wanted(key)]
        return iter(sorted(wanted, key=lambda pair: pair[0]))

    def _is_wanted(self, key: str) -> bool:
        if key.endswith("/"):
            behind = key > self._after or self._after.startswith(key)
            return behind and (key.startswith(self._prefix) or self._prefix.startswith(key))
        return key > self._after and key.startswith(self._prefix)


def _key(base: str, entry: os.DirEntry[str]) -> str:
    """Return the key of a file, that of a folder with a slash, or nothing."""
    if entry.is_file(follow_symlinks=False):
        return base + entry.name
    return f"{base}{entry.name}/" if entry.is_dir(follow_symlinks=False) else ""
