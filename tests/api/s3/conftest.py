from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.s3.world import World, client, running


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running S3 door."""
    with running(tmp_path_factory.mktemp("s3")) as door:
        yield door


@pytest.fixture(scope="package")
def s3(world: World) -> Any:
    """A boto3 client of the first account."""
    return client(world)


@pytest.fixture
def bucket(world: World) -> str:
    """An empty bucket of the first account."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    world.objects.create_bucket(name)
    return name
