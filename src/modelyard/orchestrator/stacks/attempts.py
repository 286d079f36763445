"""One resource, one step: begin it, wait until it has settled, write down how it went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from botocore.exceptions import ClientError

from modelyard.orchestrator.stacks.errors import ResourceFailed
from modelyard.orchestrator.stacks.instances import taken_text
from modelyard.orchestrator.stacks.ledger import Change, Ledger
from modelyard.orchestrator.stacks.resources import DEPLOYMENT_TAG, OWNER_TAG, ResourceType
from modelyard.orchestrator.stacks.state import Record, Stack


class Attempts:
    """Carries out what was written down.

    Args:
        poll_seconds: between two looks at a resource that is on its way.
        patience_seconds: how long a resource may be on its way.
    """

    def __init__(self, *, poll_seconds: float, patience_seconds: float) -> None:
        self._poll_seconds = poll_seconds
        self._patience_seconds = patience_seconds

    async def create(self, ledger: Ledger, kind: ResourceType, record: Record) -> Record:
        """Create a resource, or wait for it where it was begun before a crash.

        Raises:
            ResourceFailed, ClientError: it could not be.
            PhaseLeft: the stack is to do something else now.
        """
        return await self._attempt(ledger, kind, record, "CREATE", _begin_creation)

    async def update(self, ledger: Ledger, kind: ResourceType, record: Record) -> Record:
        """Change a resource from `record.before` to `record.properties`.

        Raises:
            ResourceFailed, ClientError: it could not be.
            PhaseLeft: the stack is to do something else now.
        """
        return await self._attempt(ledger, kind, record, "UPDATE", _begin_update)

    async def is_there(self, stack: Stack, kind: ResourceType, record: Record) -> bool:
        """Return whether a resource still exists, and is still the stack's."""
        return await asyncio.to_thread(_is_own, kind, stack, record)

    async def _attempt(
        self,
        ledger: Ledger,
        kind: ResourceType,
        record: Record,
        verb: str,
        begin: Callable[[ResourceType, Stack, Record], None],
    ) -> Record:
        """Begin something, wait until it has settled, and write down how it went."""
        stack = await ledger.read()
        try:
            await asyncio.to_thread(begin, kind, stack, record)
            await self._settle(ledger, kind, record)
        except (ResourceFailed, ClientError) as error:
            failed = record.evolve(status=f"{verb}_FAILED", reason=str(error))
            await ledger.write(Change(put=[failed]))
            raise
        done = record.evolve(status=f"{verb}_COMPLETE", reason="", before=None)
        await ledger.write(Change(put=[done]))
        return done

    async def _settle(self, ledger: Ledger, kind: ResourceType, record: Record) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            stack = await ledger.read()  # also: is this still to be done?
            description = await asyncio.to_thread(kind.find, stack.context, record.name)
            if description is None:
                raise ResourceFailed(f"{record.name} was deleted by somebody else")
            progress = kind.progress(description, record.properties)
            if progress.failure is not None:
                raise ResourceFailed(progress.failure)
            if progress.settled:
                return
            if time.monotonic() > deadline:
                raise ResourceFailed(
                    f"{record.name} was not ready within {self._patience_seconds:.0f} seconds"
                )
            await asyncio.sleep(self._poll_seconds)


def _is_own(kind: ResourceType, stack: Stack, record: Record) -> bool:
    context, arn = stack.context, stack.row.arn
    description = kind.find(context, record.name)
    return description is not None and kind.is_owned(context, description, arn, record.deployment)


def _begin_creation(kind: ResourceType, stack: Stack, record: Record) -> None:
    context, arn = stack.context, stack.row.arn
    description = kind.find(context, record.name)
    if description is None:
        own = {OWNER_TAG: arn, DEPLOYMENT_TAG: record.deployment}
        kind.create(context, record.name, record.properties, {**stack.row.spec["tags"], **own})
    elif not kind.is_owned(context, description, arn, record.deployment):
        raise ResourceFailed(taken_text(record.name))
    # Otherwise this very creation was begun before a crash.


def _begin_update(kind: ResourceType, stack: Stack, record: Record) -> None:
    kind.update(stack.context, record.name, record.before or {}, record.properties)
