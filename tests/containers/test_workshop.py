"""The workshop asks for base images first, and for the build with what it then knows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.compute.containers.building import BuildError, ImageBuilder, Order
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.containers.workshop import ImageWorkshop, Rules
from modelyard.setting_rules import registries
from tests.containers.test_catalogue import SCOPE, URI, build
from tests.orchestrator.world import new_store

PULLED, BUILT = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


class Orders(ImageBuilder):
    """Takes orders down, and makes nothing."""

    def __init__(self, images: ImageFolder, runtime: SandboxRuntime) -> None:
        super().__init__(runtime, images, Path("nowhere"))
        self.taken: list[Order] = []

    async def make(self, order: Order, on_line: object) -> str:
        self.taken.append(order)
        return PULLED if order.pull else BUILT


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    runtime = SandboxRuntime(MovedBase([]), tmp_path / "run")
    return Orders(ImageFolder(tmp_path / "images"), runtime)


async def test_what_may_be_pulled_is_pulled_with_a_network_and_built_upon_without(
    tmp_path: Path, orders: Orders
) -> None:
    rules = Rules(registries=["docker.io"])
    with new_store() as store:
        own = build(store, tmp_path, tag="1")
        workshop = ImageWorkshop(store, orders, ImageFolder(tmp_path / "images"), rules)
        lines: list[str] = []
        bases = ["python:3.12", f"{URI}:1", "python:3.12"]
        made = await workshop.build(SCOPE, "x", tmp_path, bases, lines.append, identity="i")
    pull, order = orders.taken
    assert (made, lines) == (BUILT, ["pulling docker.io/library/python:3.12"])
    assert (pull.pull, pull.network, pull.registries) == (
        "docker.io/library/python:3.12",
        True,
        ["docker.io"],
    )
    assert order.bases == {"docker.io/library/python:3.12": PULLED, f"{URI}:1": own}
    assert (order.network, order.context, order.pull) == (False, tmp_path, "")


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("python:3.12", r"not pulled from docker\.io: .*image_registries \(ghcr\.io there now\)"),
        ("ghcr.io.example.org/x", r"not pulled from ghcr\.io\.example\.org"),
        (f"{URI}:2", "there is no such image here"),
        (URI.replace("123456789012", "210987654321"), "not pulled from 210987654321"),
    ],
)
async def test_what_may_not_be_built_upon_is_refused_ahead_of_the_build(
    tmp_path: Path, orders: Orders, base: str, said: str
) -> None:
    with new_store() as store:
        build(store, tmp_path, tag="1")
        folder = ImageFolder(tmp_path / "images")
        workshop = ImageWorkshop(store, orders, folder, Rules(registries=["ghcr.io"]))
        with pytest.raises(BuildError, match=said):
            await workshop.build(SCOPE, "x", tmp_path, [base], print, identity="i")
    assert orders.taken == []


def test_registries_are_hosts_with_or_without_a_port() -> None:
    assert registries("docker.io, Registry.Local:5000") == ("docker.io", "registry.local:5000")
    for wrong in ("docker.io/library", "x:", "x:0", "x:99999", "", ["https://x"], 7):
        with pytest.raises(ValueError, match="is a list of registries"):
            registries(wrong)
