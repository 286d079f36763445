"""Workflows that stay within what set them off; see `causes`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from modelyard.store import causes
from modelyard.store.resources import Store


def following(
    store: Store, run: Callable[[str], Awaitable[None]]
) -> Callable[[str], Awaitable[None]]:
    """Return a workflow's function that writes what it writes within the depth of its resource.

    Args:
        run: takes the resource's ARN.
    """

    def depth_of(arn: str) -> int:
        with store.read() as snapshot:
            return snapshot.depth_of(arn)

    async def followed(arn: str) -> None:
        depth = await asyncio.to_thread(depth_of, arn)
        with causes.within(depth):
            await run(arn)

    return followed
