"""Channels in Pipe mode: a stream becomes files, since these programs learn from whole tables."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from modelyard.images.recordio.framing import records


def drained(folder: Path, *, wrapped: bool) -> Path:
    """Return a folder of files with what comes through the pipe of a channel's first epoch.

    Args:
        folder: where the channel's files would be in File mode; the pipe lies beside it.
        wrapped: whether each object comes as one RecordIO record; each then is a file again.

    Raises:
        ValueError: the stream is not framed as it should be.
    """
    pipe = folder.with_name(f"{folder.name}_0")
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
    with pipe.open("rb") as stream:
        if wrapped:
            for number, record in enumerate(records(stream)):
                (made / f"record-{number:09}").write_bytes(record)
        else:
            with (made / "stream").open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
    return made
