"""Deleting a stack's resources: what needs others goes first, and only what is the stack's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

from botocore.exceptions import ClientError

from modelyard.orchestrator.stacks.errors import ResourceFailed
from modelyard.orchestrator.stacks.ledger import Change, Ledger
from modelyard.orchestrator.stacks.ordering import ordered
from modelyard.orchestrator.stacks.resources import ResourceType
from modelyard.orchestrator.stacks.state import Record, Stack
from modelyard.store.resources import Json

_ATTEMPTS = 3


class Remover:
    """Deletes resources, and waits until they are gone."""

    def __init__(
        self,
        types: Mapping[str, ResourceType],
        *,
        poll_seconds: float,
        patience_seconds: float,
    ) -> None:
        self._types = types
        self._poll_seconds = poll_seconds
        self._patience_seconds = patience_seconds

    async def clear(
        self,
        ledger: Ledger,
        doomed: Iterable[Record],
        *,
        rolling_back: bool = False,
        stack_ends: bool = False,
    ) -> None:
        """Delete records of a stack, or retain those whose policy says so; forget them all.

        Args:
            rolling_back: they come from an attempt that failed, so only those are kept that are
                to be retained whatever happens.
            stack_ends: the stack is deleted, so what is retained stops what it still does.

        Raises:
            ResourceFailed: one could not be deleted; it, and what it needs, are left.
            PhaseLeft: the stack is to do something else now.
        """
        for record in deletion_order(doomed):
            stack = await ledger.read()
            if not _is_retained(stack, record, rolling_back=rolling_back):
                await self._delete(ledger, stack, record)
                continue
            if stack_ends:
                await asyncio.to_thread(self._stop, stack, record)
            stack = await ledger.write(_marked(stack, record, "DELETE_SKIPPED"))
            await ledger.write(_forgotten(stack, record))

    async def remove(self, stack: Stack, record: Record) -> None:
        """Delete one resource, where it is there and the stack's, and wait until it is gone.

        Raises:
            ResourceFailed: it could not be deleted.
        """
        attempts = 0
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                if await asyncio.to_thread(self._one_step, stack, record):
                    return
            except ClientError as error:
                attempts += 1
                if attempts == _ATTEMPTS:
                    raise ResourceFailed(str(error)) from error
            if time.monotonic() > deadline:
                raise ResourceFailed(
                    f"{record.name} was not gone within {self._patience_seconds:.0f} seconds"
                )
            await asyncio.sleep(self._poll_seconds)

    async def _delete(self, ledger: Ledger, stack: Stack, record: Record) -> None:
        stack = await ledger.write(_marked(stack, record, "DELETE_IN_PROGRESS"))
        try:
            await self.remove(stack, record)
        except ResourceFailed as error:
            await ledger.write(_marked(stack, record, "DELETE_FAILED", reason=str(error)))
            raise ResourceFailed(f"{record.logical_id}: {error}") from error
        stack = await ledger.write(_marked(stack, record, "DELETE_COMPLETE"))
        await ledger.write(_forgotten(stack, record))

    def _one_step(self, stack: Stack, record: Record) -> bool:
        """Take one step to a resource's end, and return whether it is gone (or not ours)."""
        kind = self._types[record.type]
        description = self._own(stack, record)
        if description is None:
            return True
        kind.delete(stack.context, record.name, description)
        return kind.find(stack.context, record.name) is None

    def _stop(self, stack: Stack, record: Record) -> None:
        description = self._own(stack, record)
        if description is not None:
            self._types[record.type].retire(stack.context, record.name, description)

    def _own(self, stack: Stack, record: Record) -> Json | None:
        """Return the description of what the stack created under a record, if it is there."""
        kind = self._types[record.type]
        description = kind.find(stack.context, record.name)
        if description is None:
            return None
        arn = stack.row.arn
        owned = kind.is_owned(stack.context, description, arn, record.deployment)
        return description if owned else None


def deletion_order(records: Iterable[Record]) -> list[Record]:
    """Return records, each ahead of those that it was made with."""
    by_key = {record.key: record for record in records}
    order = ordered({key: record.uses for key, record in by_key.items()})
    return [by_key[key] for key in reversed(order)]


def _is_retained(stack: Stack, record: Record, *, rolling_back: bool) -> bool:
    if record.status.startswith("DELETE_"):
        return record.status == "DELETE_SKIPPED"  # it was decided before a crash
    if rolling_back or record.status in ("CREATE_IN_PROGRESS", "CREATE_FAILED"):
        return record.deletion_policy == "Retain"
    current = _is_current(stack, record)
    return (record.deletion_policy if current else record.replace_policy) != "Delete"


def _marked(stack: Stack, record: Record, status: str, *, reason: str = "") -> Change:
    changed = record.evolve(status=status, reason=reason)
    if _is_current(stack, record):
        return Change(put=[changed], touched=[record.logical_id])
    return Change(supersede=[changed], touched=[record.logical_id])


def _forgotten(stack: Stack, record: Record) -> Change:
    if _is_current(stack, record):
        return Change(forget=[record.logical_id])
    return Change(release=[record.key])


def _is_current(stack: Stack, record: Record) -> bool:
    current = stack.records.get(record.logical_id)
    return current is not None and current.key == record.key
