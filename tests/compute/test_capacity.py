"""Admission: never more than the machine has, never out of turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.compute.capacity import Capacity, Ticket


@dataclass
class Hall:
    """Jobs that run until they are told to end, and what was seen of them."""

    capacity: Capacity
    running: dict[int, tuple[int, float]] = field(default_factory=dict)
    admitted: list[int] = field(default_factory=list)
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    ends: dict[int, asyncio.Event] = field(default_factory=dict)

    async def arrive(self, number: int, vcpus: int, memory: float) -> None:
        self.ends[number] = asyncio.Event()
        self.tasks[number] = asyncio.create_task(self._job(number, vcpus, memory))
        await settle()

    async def end(self, number: int) -> None:
        self.ends[number].set()
        await self.tasks.pop(number)
        await settle()

    async def cancel(self, number: int) -> None:
        task = self.tasks.pop(number)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await settle()

    async def _job(self, number: int, vcpus: int, memory: float) -> None:
        async with self.capacity.admitted(vcpus, memory, Ticket(number)):
            self.admitted.append(number)
            self.running[number] = (vcpus, memory)
            try:
                self.check()
                await self.ends[number].wait()
            finally:
                del self.running[number]

    def check(self) -> None:
        vcpus = sum(size[0] for size in self.running.values())
        memory = sum(size[1] for size in self.running.values())
        assert self.capacity.fits(vcpus, memory) or len(self.running) == 1


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


JOBS = st.tuples(st.integers(1, 12), st.floats(0.5, 12))


@given(
    jobs=st.lists(JOBS, min_size=1, max_size=12),
    choices=st.lists(st.tuples(st.sampled_from(["arrive", "end", "cancel"]), st.integers(0, 99))),
)
def test_room_is_never_exceeded_nobody_overtakes_and_all_get_their_turn(
    jobs: list[tuple[int, float]], choices: list[tuple[str, int]]
) -> None:
    async def run() -> None:
        hall = Hall(Capacity(8, 8.0))
        arrived = 0
        cancelled: set[int] = set()
        for action, pick in choices:
            if action == "arrive" and arrived < len(jobs):
                await hall.arrive(arrived, *jobs[arrived])
                arrived += 1
            elif action == "end" and hall.running:
                await hall.end(sorted(hall.running)[pick % len(hall.running)])
            elif action == "cancel" and hall.tasks:
                number = sorted(hall.tasks)[pick % len(hall.tasks)]
                cancelled.add(number)
                await hall.cancel(number)
        while hall.running:
            await hall.end(next(iter(hall.running)))
        assert hall.admitted == sorted(hall.admitted)
        assert set(range(arrived)) - cancelled <= set(hall.admitted)
        assert not hall.tasks

    asyncio.run(run())


async def test_a_small_job_does_not_overtake_a_big_one_at_the_head() -> None:
    hall = Hall(Capacity(8, 64.0))
    await hall.arrive(1, 4, 1.0)
    await hall.arrive(2, 8, 1.0)
    await hall.arrive(3, 1, 1.0)
    assert hall.admitted == [1]
    await hall.end(1)
    assert hall.admitted == [1, 2]
    await hall.end(2)
    assert hall.admitted == [1, 2, 3]
    await hall.end(3)


async def test_a_job_larger_than_the_machine_runs_alone() -> None:
    hall = Hall(Capacity(2, 4.0))
    await hall.arrive(1, 1, 1.0)
    await hall.arrive(2, 96, 384.0)
    await hall.arrive(3, 1, 1.0)
    assert set(hall.running) == {1}
    await hall.end(1)
    assert set(hall.running) == {2}
    await hall.end(2)
    assert set(hall.running) == {3}
    await hall.end(3)


async def test_after_a_restart_the_job_created_first_goes_first_whatever_order_they_ask_in() -> (
    None
):
    hall = Hall(Capacity(1, 4.0))
    await hall.arrive(0, 1, 1.0)
    await hall.arrive(7, 1, 1.0)
    await hall.arrive(3, 1, 1.0)
    await hall.end(0)
    assert hall.admitted == [0, 3]
    await hall.end(3)
    await hall.end(7)


async def test_a_job_that_gives_up_waiting_lets_those_behind_it_in() -> None:
    hall = Hall(Capacity(4, 8.0))
    await hall.arrive(1, 2, 1.0)
    await hall.arrive(2, 4, 1.0)
    await hall.arrive(3, 2, 1.0)
    await hall.cancel(2)
    assert set(hall.running) == {1, 3}
    await hall.end(1)
    await hall.end(3)


async def test_preemptible_jobs_make_room_for_one_that_is_not_the_latest_first() -> None:
    capacity = Capacity(4, 64.0)
    first, second, third = (capacity.queue(1, 1.0, Ticket(n), preemptible=True) for n in range(3))
    urgent = capacity.queue(3, 1.0, Ticket(9))
    assert [place.is_preempted for place in (first, second, third)] == [False, True, True]
    admitted = []
    for place in (third, second):
        place.leave()
        admitted.append(urgent.is_admitted)
    assert admitted == [False, True]
    assert not first.is_preempted


async def test_none_is_preempted_where_that_would_not_be_enough() -> None:
    capacity = Capacity(4, 64.0)
    capacity.queue(2, 1.0, Ticket(0))
    spot = capacity.queue(2, 1.0, Ticket(1), preemptible=True)
    capacity.queue(3, 1.0, Ticket(2))
    assert not spot.is_preempted


async def test_a_preemptible_job_preempts_none() -> None:
    capacity = Capacity(2, 64.0)
    running = capacity.queue(2, 1.0, Ticket(0), preemptible=True)
    waiting = capacity.queue(2, 1.0, Ticket(1), preemptible=True)
    assert not running.is_preempted
    assert not waiting.is_admitted


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=12))
def test_whoever_is_preempted_goes_for_one_that_then_fits(jobs: list[tuple[int, bool]]) -> None:
    async def run() -> None:
        capacity = Capacity(4, 64.0)
        places = [
            capacity.queue(vcpus, 1.0, Ticket(number), preemptible=spot)
            for number, (vcpus, spot) in enumerate(jobs)
        ]
        preempted = [place for place in places if place.is_preempted]
        assert all(place.preemptible and place.is_admitted for place in preempted)
        waiting = [place for place in places if not place.is_admitted]
        for place in preempted:
            place.leave()
        assert not preempted or waiting[0].is_admitted

    asyncio.run(run())


async def test_the_machines_own_room_is_at_least_one_cpu_and_some_memory() -> None:
    capacity = Capacity.of_machine()
    assert capacity.vcpus >= 1
    assert capacity.memory_gib > 0.1
    assert capacity.queue(1, 0.1, Ticket(0)).is_admitted
