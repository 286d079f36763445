"""What the server and its driver say to each other: JSON, one message per line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

#: A batch of log lines, escaped, is the longest message.
MAX_LINE_BYTES = 64 * 2**20

Message = dict[str, Any]


async def read(reader: asyncio.StreamReader) -> Message | None:
    """Return the next message; None when the other side has ended."""
    try:
        line = await reader.readline()
    except (ConnectionError, ValueError):
        return None
    if not line.endswith(b"\n"):
        return None
    message: Message = json.loads(line)
    return message


def write(writer: asyncio.StreamWriter, message: Message) -> None:
    """Send a message; one to somebody who has ended is lost."""
    if not writer.is_closing():
        writer.write(json.dumps(message).encode() + b"\n")
