"""One channel's stream: what goes through its pipe in an epoch."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from modelyard.images.recordio.framing import framed

_Item = TypeVar("_Item")

#: In an augmented channel's folder: a line per record, a JSON list of its attributes' values.
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, kw_only=True)
class PipedChannel:
    """A channel as `pipes.json` describes it."""

    name: str
    folder: Path  # where its files lie
    wrapped: bool  # whether each object is framed as one RecordIO record
    augmented: bool  # whether the folder holds a manifest and what it refers to
    seed: int | None  # files are shuffled anew in each epoch; None: they go by their names

    @classmethod
    def of(cls, name: str, config: Mapping[str, Any], base: Path) -> PipedChannel:
        """Return a channel of `pipes.json`."""
        return cls(
            name=name,
            folder=base / "input" / "pipe" / name,
            wrapped=config["wrapped"],
            augmented=config["augmented"],
            seed=config["seed"],
        )

    def write(self, sink: BinaryIO, epoch: int) -> None:
        """Write one epoch of the channel.

        Raises:
            BrokenPipeError: the reader has had enough.
        """
        for item in self._items(epoch):
            if self.wrapped:
                content = item.read_bytes() if isinstance(item, Path) else item
                for piece in framed(content):
                    sink.write(piece)
            elif isinstance(item, Path):
                with item.open("rb") as source:
                    shutil.copyfileobj(source, sink, 1 << 20)
            else:
                sink.write(item)

    def _items(self, epoch: int) -> Iterator[Path | bytes]:
        """Return what goes through: files, or values of a manifest."""
        if not self.augmented:
            files = sorted(path for path in self.folder.rglob("*") if path.is_file())
            yield from self._ordered(files, epoch)
            return
        lines = (self.folder / MANIFEST).read_bytes().splitlines()
        for line in self._ordered(lines, epoch):
            for value in json.loads(line):
                if "object" in value:
                    yield self.folder / value["object"]
                else:
                    yield str(value["text"]).encode()

    def _ordered(self, items: list[_Item], epoch: int) -> list[_Item]:
        if self.seed is not None:
            random.Random(self.seed + epoch).shuffle(items)  # noqa: S311 - an order, no secret
        return items
