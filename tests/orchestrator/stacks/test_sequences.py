"""Any sequence of creations, updates and deletions, with failures and crashes anywhere.

Whatever happened: a stack that came to rest well is exactly what its template says, one that failed
is what it was before, and one that was deleted has left nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.orchestrator.stacks.templates import config, endpoint, model
from tests.orchestrator.world import World, new_store

ARCHIVES = ("one", "two", "three")
INSTANCES = ("ml.m5.large", "ml.c5.large")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A template of up to three chains of model, configuration and endpoint."""

    archives: Mapping[str, str]  # by chain
    instances: Mapping[str, str]  # chains with a configuration
    endpoints: Mapping[str, str]  # chains with an endpoint: the chain whose configuration it has

    def template(self) -> dict[str, Any]:
        resources: dict[str, Any] = {}
        for chain, archive in self.archives.items():
            resources[f"Model{chain}"] = model(archive)
        for chain, instance in self.instances.items():
            resources[f"Config{chain}"] = config(f"Model{chain}", instance)
        for chain, other in self.endpoints.items():
            resources[f"Endpoint{chain}"] = endpoint(f"Config{other}")
        return {"Resources": resources}


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    chains = draw(st.lists(st.sampled_from("ABC"), min_size=1, unique=True))
    configured = draw(st.lists(st.sampled_from(chains), unique=True))
    serving = draw(st.lists(st.sampled_from(configured), unique=True)) if configured else []
    return Shape(
        archives={chain: draw(st.sampled_from(ARCHIVES)) for chain in chains},
        instances={chain: draw(st.sampled_from(INSTANCES)) for chain in configured},
        endpoints={chain: draw(st.sampled_from(configured)) for chain in serving},
    )


@dataclass(frozen=True, kw_only=True)
class Move:
    """One request, and what goes wrong meanwhile: numbers of the calls from here on."""

    shape: Shape | None  # None: delete
    fail: int | None
    crash: int | None
    crash_before: bool


moves = st.builds(
    Move,
    shape=st.one_of(st.none(), shapes(), shapes(), shapes()),
    fail=st.one_of(st.none(), st.integers(0, 8)),
    crash=st.one_of(st.none(), st.integers(0, 8)),
    crash_before=st.booleans(),
)


def observed(world: World) -> dict[str, Any]:
    """The toy world by logical id, with names replaced by logical ids."""
    things = world.toys.things
    logical = {name: name.split("-")[1] for _, name in things}
    found: dict[str, Any] = {}
    for (kind, name), thing in things.items():
        assert logical[name] not in found, f"two of {logical[name]}"
        if kind == "model":
            found[logical[name]] = thing.members["PrimaryContainer"]["ModelDataUrl"]
        elif kind == "endpoint-config":
            (variant,) = thing.members["ProductionVariants"]
            found[logical[name]] = (variant["InstanceType"], logical[variant["ModelName"]])
        else:
            assert thing.status == "InService"
            found[logical[name]] = logical[thing.members["EndpointConfigName"]]
    return found


def expected(shape: Shape | None) -> dict[str, Any]:
    if shape is None:
        return {}
    return {
        **{f"Model{key}": f"s3://assets/{value}.tar.gz" for key, value in shape.archives.items()},
        **{f"Config{key}": (value, f"Model{key}") for key, value in shape.instances.items()},
        **{f"Endpoint{key}": f"Config{value}" for key, value in shape.endpoints.items()},
    }


async def play(world: World, sequence: list[Move]) -> None:
    arn: str | None = None
    now: Shape | None = None
    for move in sequence:
        faults = world.toys.faults
        base = len(faults.calls)
        faults.fail_at = frozenset() if move.fail is None else frozenset({base + move.fail})
        if move.crash is not None:
            faults.crash_at("before" if move.crash_before else "after", base + move.crash)
        if arn is None:
            if move.shape is None:
                continue
            arn = world.create(move.shape.template())
        elif move.shape is None:
            world.delete(arn)
        else:
            world.update(arn, move.shape.template())
        await world.run()
        faults.crash_before = faults.crash_after = None
        arn, now = settled(world, arn, move.shape, now)
        assert observed(world) == expected(now)


def settled(
    world: World, arn: str, wanted: Shape | None, before: Shape | None
) -> tuple[str | None, Shape | None]:
    """Return the stack that is left, and what it is to be."""
    if not world.exists(arn):
        assert wanted is None
        return None, None
    status = world.status(arn)
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return arn, wanted
    if status == "ROLLBACK_COMPLETE":
        with world.store.write() as transaction:
            transaction.delete(transaction.get_by_arn(arn))
        return None, None
    assert status == "UPDATE_ROLLBACK_COMPLETE", status
    return arn, before


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.lists(moves, min_size=1, max_size=4))
def test_a_stack_is_always_what_its_last_good_template_says(sequence: list[Move]) -> None:
    with new_store() as store:
        asyncio.run(play(World(store), sequence))
