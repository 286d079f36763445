"""Archives under a key: read and written with the keys of who registers and of what deploys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.arns import role_arn
from modelyard.compute.memory import MemoryFolder
from modelyard.operations.errors import ValidationError
from modelyard.registry.source_operations import SourceOperations
from modelyard.store.objects import S3Uri
from tests.live import XGBOOST
from tests.registry.world import HUB, World, booster, model_archive, person, root

CLOSED = role_arn(account=HUB, name="closed")
OPEN = role_arn(account=HUB, name="open")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryFolder]:
    folder = MemoryFolder(Path("/dev/shm"), tmp_path)
    yield folder
    folder.clear()


@pytest.fixture
def sources(world: World, memory: MemoryFolder) -> SourceOperations:
    world.group()
    return SourceOperations(
        world.objects,
        world.registration,
        default_image=lambda _region: XGBOOST,
        keys_of=world.keys.of,
        memory=memory.require,
    )


def test_an_archive_under_a_key_is_registered_by_who_may_use_the_key_only(world: World) -> None:
    world.group()
    key = world.key(CLOSED)
    url = world.put_under(key, "sealed.tar.gz", model_archive())
    with pytest.raises(ValidationError, match=f"role {CLOSED} may not use key {key}: kms:Decrypt"):
        world.register(person("ann", "closed"), url=url)
    arn = world.register(person("ann", "open"), url=url)
    with pytest.raises(ValidationError, match=f"role {CLOSED} may not use key {key}"):
        world.update(
            person("bea", "closed"),
            arn,
            InferenceSpecification=world.request(url=url)["InferenceSpecification"],
        )
    # Also once it was read for somebody: what was found of it is not given to others.
    with pytest.raises(ValidationError, match=f"role {CLOSED} may not use key {key}"):
        world.register(person("ann", "closed"), url=url)


def test_a_model_under_a_key_is_repacked_under_the_same_key_by_who_may_use_it_only(
    world: World, sources: SourceOperations
) -> None:
    key = world.key(CLOSED)
    uri = world.put_under(key, "model.ubj", bytes(booster().save_raw("ubj")))
    request = {"ModelPackageGroupName": "credit-risk", "SourceUri": uri}
    with pytest.raises(ValidationError, match=f"role {CLOSED} may not use key {key}: kms:Decrypt"):
        sources.register_model_from(person("ann", "closed"), request)
    objects = world.objects.of(HUB)
    prefix = S3Uri(bucket=f"assets-{HUB}", key="modelyard-registered/")
    assert list(objects.list(prefix)) == []
    answer = sources.register_model_from(person("ann", "open"), request)
    found = objects.encryption_of(S3Uri.parse(answer["ModelDataUrl"]))
    assert found is not None
    assert found.key == key
    assert [
        objects.is_encrypted(S3Uri(bucket=prefix.bucket, key=one.key))
        for one in objects.list(prefix)
    ] == [True]


def test_a_model_in_clear_and_the_same_under_a_key_make_two_archives(
    world: World, sources: SourceOperations, memory: MemoryFolder
) -> None:
    model = bytes(booster().save_raw("ubj"))
    uris = [world.put_under(world.key(), "a.ubj", model), world.put("b.ubj", model)]
    made = [
        sources.register_model_from(
            root(), {"ModelPackageGroupName": "credit-risk", "SourceUri": uri}
        )
        for uri in uris
    ]
    kept = [S3Uri.parse(one["ModelDataUrl"]) for one in made]
    assert [world.objects.of(HUB).is_encrypted(uri) for uri in kept] == [True, False]
    assert made[0]["Sha256"] == made[1]["Sha256"]
    assert list(memory.path.iterdir()) == []  # nothing is left behind


def test_an_archive_under_a_key_deploys_with_a_role_that_may_use_it_only(world: World) -> None:
    world.group()
    key = world.key(CLOSED)
    url = world.put_under(key, "sealed.tar.gz", model_archive())
    arn = world.register(root(), url=url)
    world.update(root(), arn, ModelApprovalStatus="Approved")
    assert world.deployments.resolve(root(), arn, None, OPEN).arn == arn
    with pytest.raises(ValidationError, match=f"role {CLOSED} may not use key {key}: kms:Decrypt"):
        world.deployments.resolve(root(), arn, None, CLOSED)
    with pytest.raises(ValidationError, match="nobody was named who may use it"):
        world.deployments.resolve(root(), arn)
