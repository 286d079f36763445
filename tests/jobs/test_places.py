"""Where a job runs: by its tag, its account, and what its image allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from modelyard.compute.choice import TAG, ComputeChoiceError, choose
from modelyard.compute.images import Image, UnknownImageError
from modelyard.jobs.places import Places
from modelyard.store.resources import Json

BUILT_IN = Image(name="xgboost", version="1", entrypoint=("python", "-m", "x"), purposes=("train",))
CONTAINER = Image(
    name="own", version="1", entrypoint=(), purposes=("train",), root=Path("/"), pinned="own@1"
)
PENDING = Image(name="far", version="1", entrypoint=(), purposes=("train",), pull="ghcr.io/far:1")


@dataclass(frozen=True)
class Account:
    compute_default: str = "sandbox"
    compute_image: str = ""
    compute_ray_address: str = ""


def image_of(uri: str) -> Image:
    found = {"own": CONTAINER, "far": PENDING, "xgboost": BUILT_IN}
    if uri not in found:
        raise UnknownImageError(f"Image {uri!r} is not offered")
    return found[uri]


def placed(account: Account, image: Image, tag: str | None = None, *, whole: bool = True) -> Json:
    places = Places(lambda _account: account, image_of)
    tags = {} if tag is None else {TAG: tag}
    return places.place("1", tags, image, whole=whole)


@pytest.mark.parametrize(
    ("default", "tag", "chosen"),
    [
        ("sandbox", None, "sandbox"),
        ("ray", None, "ray"),
        ("ray", "container", "container"),
        ("sandbox", "ray", "ray"),
    ],
)
def test_a_tag_goes_before_the_accounts_rule(default: str, tag: str | None, chosen: str) -> None:
    tags = {} if tag is None else {TAG: tag}
    assert choose(Account(default), tags) == chosen


@pytest.mark.parametrize("value", ["", "Ray", "cloud", " sandbox"])
def test_a_place_that_is_none_is_refused_with_those_that_are(value: str) -> None:
    with pytest.raises(ComputeChoiceError, match=f"tag {TAG} is .* sandbox, container, ray"):
        choose(Account(), {TAG: value})


@pytest.mark.parametrize(
    ("account", "image", "tag", "said"),
    [
        (Account(), BUILT_IN, None, {"compute": "sandbox"}),
        (Account(), CONTAINER, None, {"compute": "container", "image": "own@1"}),
        (Account(), PENDING, None, {"compute": "container", "pull": "ghcr.io/far:1"}),
        (
            Account("container", "own"),
            BUILT_IN,
            None,
            {"compute": "container", "container": "own@1"},
        ),
        (
            Account("sandbox", "far"),
            BUILT_IN,
            "container",
            {"compute": "container", "container_pull": "ghcr.io/far:1"},
        ),
        (Account("container", "own"), BUILT_IN, "sandbox", {"compute": "sandbox"}),
    ],
)
def test_a_jobs_row_says_where_it_runs(
    account: Account, image: Image, tag: str | None, said: Json
) -> None:
    assert placed(account, image, tag) == said


@pytest.mark.parametrize(
    ("account", "image", "tag", "said"),
    [
        (Account(), CONTAINER, "sandbox", "which only a container shows"),
        (Account(), BUILT_IN, "container", r"setting compute\.image names an image"),
        (Account("container"), BUILT_IN, None, r"setting compute\.image names an image"),
        (Account("container", "nothing"), BUILT_IN, None, r"compute\.image: Image 'nothing'"),
        (Account("container", "xgboost"), BUILT_IN, None, "is no container image"),
        (Account("ray"), BUILT_IN, None, "compute.ray.address names no Ray cluster"),
    ],
)
def test_what_cannot_be_is_refused_with_its_remedy(
    account: Account, image: Image, tag: str | None, said: str
) -> None:
    with pytest.raises(ComputeChoiceError, match=said):
        placed(account, image, tag)


def test_a_built_in_models_transform_job_stays_in_the_sandbox() -> None:
    account = Account("container", "own")
    assert placed(account, BUILT_IN, whole=False) == {"compute": "sandbox"}
    with pytest.raises(ComputeChoiceError, match="batch transform"):
        placed(account, BUILT_IN, "container", whole=False)
    assert placed(account, CONTAINER, whole=False)["compute"] == "container"
