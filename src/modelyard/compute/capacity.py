"""Admission: as many jobs run at once as the machine has room for, first come first served.

A job asks for the vCPUs and the memory of its instance type. It waits until all that came before
it are running and there is room for it beside them: nobody overtakes, so a big one at the head is
not kept waiting for ever by small ones. One that asks for more than the whole machine is let in
when nothing else runs, and nothing else is let in beside it.

Jobs may be preemptible, as managed spot jobs are. When one that is not waits at the head of the
queue, as many preemptible ones as must go for it to fit are asked to, the latest first; none is
asked where that would not be enough.

One event loop, no threads. What is admitted here is not written down: after a restart the jobs
ask again, and their tickets put them back in the order in which they were created.
"""

from __future__ import annotations

import asyncio
import bisect
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

_GIB = 2**30


@dataclass(frozen=True, order=True)
class Ticket:
    """A place in the queue: who came earlier goes first."""

    at: int  # microseconds since the epoch at which the job was created
    name: str = ""  # unique; decides between jobs of the same moment


@dataclass(order=True)
class Place:
    """A place in the queue, then in the room."""

    ticket: Ticket
    vcpus: int = field(compare=False)
    memory_gib: float = field(compare=False)
    preemptible: bool = field(compare=False)
    _capacity: Capacity = field(compare=False, repr=False)
    _admitted: asyncio.Event = field(compare=False, repr=False, default_factory=asyncio.Event)
    _preempted: asyncio.Event = field(compare=False, repr=False, default_factory=asyncio.Event)

    @property
    def is_admitted(self) -> bool:
        return self._admitted.is_set()

    async def wait(self) -> None:
        """Wait until there is room; the place is held from then on."""
        await self._admitted.wait()

    @property
    def is_preempted(self) -> bool:
        return self._preempted.is_set()

    async def preempted(self) -> None:
        """Wait until the place is asked to be given up, which its holder does in its own time."""
        await self._preempted.wait()

    def leave(self) -> None:
        """Give up the place, in the queue or in the room; again does no harm."""
        self._capacity.remove(self)

    def admit(self) -> None:
        """Let it in; the capacity's to call."""
        self._admitted.set()

    def preempt(self) -> None:
        """Ask for it; the capacity's to call."""
        self._preempted.set()


class Capacity:
    """The room of one machine.

    Args:
        vcpus: of the whole machine.
        memory_gib: of the whole machine.
    """

    def __init__(self, vcpus: int, memory_gib: float) -> None:
        self.vcpus = vcpus
        self.memory_gib = memory_gib
        self._waiting: list[Place] = []
        self._running: list[Place] = []

    @classmethod
    def of_machine(cls) -> Capacity:
        """Return the room that this process may use: its CPUs, and its control group's memory."""
        return cls(len(os.sched_getaffinity(0)), _memory_bytes() / _GIB)

    def fits(self, vcpus: int, memory_gib: float) -> bool:
        """Whether the machine as a whole has that much room."""
        return vcpus <= self.vcpus and memory_gib <= self.memory_gib

    def queue(
        self, vcpus: int, memory_gib: float, ticket: Ticket, *, preemptible: bool = False
    ) -> Place:
        """Take a place in the queue, which the caller leaves in the end whatever happens."""
        place = Place(ticket, vcpus, memory_gib, preemptible, self)
        bisect.insort(self._waiting, place)
        self._admit()
        return place

    @asynccontextmanager
    async def admitted(self, vcpus: int, memory_gib: float, ticket: Ticket) -> AsyncIterator[None]:
        """Wait for room and hold it. Cancelling gives up the place in the queue, or the room."""
        place = self.queue(vcpus, memory_gib, ticket)
        try:
            await place.wait()
            yield
        finally:
            place.leave()

    def remove(self, place: Place) -> None:
        """Forget a place."""
        # By identity: a job that runs again has the ticket of its earlier run.
        for places in (self._waiting, self._running):
            places[:] = [other for other in places if other is not place]
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._fits_beside(self._waiting[0], self._running):
            place = self._waiting.pop(0)
            self._running.append(place)
            place.admit()
        if self._waiting and not self._waiting[0].preemptible:
            self._make_room(self._waiting[0])

    def _make_room(self, head: Place) -> None:
        staying = sorted(place for place in self._running if not place.is_preempted)
        asked: list[Place] = []
        while not self._fits_beside(head, staying):
            latest = next((place for place in reversed(staying) if place.preemptible), None)
            if latest is None:
                return
            staying = [place for place in staying if place is not latest]
            asked.append(latest)
        for place in asked:
            place.preempt()

    def _fits_beside(self, place: Place, others: Sequence[Place]) -> bool:
        if not others:
            return True
        return self.fits(
            place.vcpus + sum(other.vcpus for other in others),
            place.memory_gib + sum(other.memory_gib for other in others),
        )


def _memory_bytes() -> int:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [
        _limit(Path("/sys/fs/cgroup/memory.max")),
        _limit(Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")),
    ]
    return min([physical, *(limit for limit in limits if limit is not None)])


def _limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such control group, or "max"
        return None
