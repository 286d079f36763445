"""Writing down what becomes of a stack, while it is in one phase.

A phase is one of the stack's statuses. Whoever works on a stack writes through a ledger of the
phase that the work belongs to; once the stack is in another (somebody asked for its deletion),
every write is refused with `PhaseLeft`, and the work ends there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard import clock
from modelyard.orchestrator.stacks.state import Record, Stack, resources_json, superseded_json
from modelyard.store.errors import NotFound
from modelyard.store.resources import Json, Snapshot, Store


class PhaseLeft(Exception):
    """The stack is no longer in the phase that this work belongs to."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What one write changes: records put in place, taken off, or moved among the superseded."""

    put: Iterable[Record] = ()
    forget: Iterable[str] = ()  # logical ids
    supersede: Iterable[Record] = ()
    release: Iterable[str] = ()  # keys of superseded records that are none any more
    touched: Iterable[str] = ()  # logical ids that this operation changed


class Ledger:
    """One stack in one phase."""

    def __init__(self, store: Store, arn: str, phase: str) -> None:
        self._store = store
        self.arn = arn
        self.phase = phase

    async def read(self) -> Stack:
        """Return the stack as it is now.

        Raises:
            PhaseLeft: it is in another phase, or gone.
        """
        return await asyncio.to_thread(self._read)

    async def write(self, change: Change) -> Stack:
        """Write a change down, and return the stack with it.

        Raises:
            PhaseLeft: it is in another phase, or gone.
        """
        return await asyncio.to_thread(
            self._change, lambda stack: {"observed": observed(stack, change)}
        )

    async def leave(
        self,
        status: str,
        *,
        spec: Callable[[Stack], Json | None] = lambda _stack: None,
        found: Mapping[str, Any] | None = None,
    ) -> None:
        """Bring the stack into its next phase.

        Args:
            spec: makes a new target out of the stack; None keeps it.
            found: merged into what is observed.

        Raises:
            PhaseLeft: it is in another phase already, or gone.
        """

        await asyncio.to_thread(
            self._change, lambda stack: {"status": status, "spec": spec(stack), "observed": found}
        )

    async def finish(self, status: str) -> None:
        """Bring the stack into its last status, and take its row away; its history stays.

        Raises:
            PhaseLeft: it is in another phase already, or gone.
        """

        await asyncio.to_thread(self._change, lambda _stack: {"status": status}, last=True)

    def _read(self) -> Stack:
        with self._store.read() as snapshot:
            return self._stack_in(snapshot)

    def _change(self, change: Callable[[Stack], dict[str, Any]], *, last: bool = False) -> Stack:
        with self._store.write() as transaction:
            stack = self._stack_in(transaction)
            changed = transaction.update(stack.row, **change(stack))
            if last:
                transaction.delete(changed)
            return Stack.of(changed)

    def _stack_in(self, snapshot: Snapshot) -> Stack:
        try:
            row = snapshot.get_by_arn(self.arn)
        except NotFound as error:
            raise PhaseLeft from error
        if row.status != self.phase:
            raise PhaseLeft
        return Stack.of(row)


def observed(stack: Stack, change: Change) -> dict[str, Any]:
    """Return what `change` makes of a stack's records, as the row keeps them."""
    moment = clock.now().isoformat()
    records = {**stack.records}
    for record in change.put:
        records[record.logical_id] = record.evolve(at=moment)
    for logical_id in change.forget:
        records.pop(logical_id, None)
    released = set(change.release)
    superseded = [item for item in stack.superseded if item.key not in released]
    for record in change.supersede:
        others = [item for item in superseded if item.key != record.key]
        superseded = [*others, record.evolve(at=moment)]
    touched = {*stack.row.observed.get("touched", []), *change.touched}
    return {
        "resources": resources_json(records.values()),
        "superseded": superseded_json(superseded),
        "touched": sorted(touched),
    }
