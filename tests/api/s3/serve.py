"""The S3 door in a process of its own, so that its memory can be measured: `serve.py <home>`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.api.s3.world import running

if __name__ == "__main__":
    with running(Path(sys.argv[1])) as world:
        print(world.url, flush=True)
        sys.stdin.read()
