"""A stream becomes the files that it was made of."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from modelyard.images.recordio.framing import frame
from modelyard.images.training.streams import drained


def piped(folder: Path, content: bytes) -> None:
    """Write `content` to the pipe of a channel's first epoch, once somebody reads it."""
    pipe = folder.with_name(f"{folder.name}_0")
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_a_stream_becomes_one_file(tmp_path: Path) -> None:
    piped(tmp_path / "train", b"1,2\n3,4\n")
    assert contents(drained(tmp_path / "train", wrapped=False)) == [b"1,2\n3,4\n"]


def test_each_record_of_a_wrapped_stream_becomes_a_file(tmp_path: Path) -> None:
    piped(tmp_path / "train", frame(b"1,2\n") + frame(b"3,4\n"))
    assert contents(drained(tmp_path / "train", wrapped=True)) == [b"1,2\n", b"3,4\n"]
