"""Images are pulled from the registries that are allowed, once, and known by their digests."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from modelyard.compute.bubblewrap import Bubblewrap
from modelyard.compute.containers.building import BuildError, ImageBuilder, Order
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.compute.images import UnknownImageError
from modelyard.containers.catalogue import Catalogue
from modelyard.containers.pulled import PulledImages
from modelyard.containers.references import ForeignReference
from modelyard.containers.registry_access import RegistryAccess
from modelyard.containers.workshop import ImageWorkshop, Rules
from modelyard.store.resources import Store
from tests.certificates import Issuer
from tests.compute.registry import registry
from tests.compute.test_runtimes import runtime_or_skip
from tests.container_images import require_buildah
from tests.containers.test_catalogue import SCOPE
from tests.orchestrator.world import new_store

LOGIN = "reader:s3cret"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small image, as a registry keeps it."""
    require_buildah()
    place = Place(tmp_path_factory.mktemp("made"))
    context = place.home / "context"
    context.mkdir()
    (context / "Dockerfile").write_text('FROM scratch\nCOPY a /a\nCMD ["/a"]\n')
    (context / "a").write_text("1")
    order = Order(identity="b", name="docker.io/library/toy:1", context=context)
    return place.images.layout(asyncio.run(place.builder.make(order, print)))


class Place:
    """A home with images, and who pulls them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        (self.home / "run").mkdir(parents=True)
        self.images = ImageFolder(self.home / "images")
        runtime = runtime_or_skip(Bubblewrap([self.home]), self.home)
        self.builder = ImageBuilder(runtime, self.images, self.home / "images" / ".building")
        self.lines: list[str] = []

    def opened(
        self, store: Store, *registries: str, access: RegistryAccess | None = None
    ) -> tuple[ImageWorkshop, Catalogue]:
        pulled = PulledImages(store, SCOPE, registries)
        rules = Rules(registries=registries, access=access or RegistryAccess())
        workshop = ImageWorkshop(store, self.builder, self.images, rules, pulled)
        return workshop, Catalogue(store, self.images, pulled)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_an_image_is_pulled_once_and_found_by_tag_and_digest(
    layout: Path, place: Place
) -> None:
    asked: list[str] = []
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    with registry(layout, asked=asked) as host, new_store() as store:
        workshop, catalogue = place.opened(store, host)
        uri = f"{host}/team/toy:1"
        assert (catalogue.find(uri).pull, catalogue.find(uri).is_container) == (uri, True)
        with pytest.raises(ValueError, match="has not been pulled yet"):
            _ = catalogue.find(uri).train
        both = await asyncio.gather(*(workshop.pull(uri, place.lines.append) for _ in range(2)))
        assert both == [f"{host}/team/toy@{digest}"] * 2
        assert place.lines.count(f"pulling {uri}") == 1
        asked.clear()
        assert await workshop.pull(uri, print) == both[0]
        for found in map(catalogue.find, (uri, both[0])):
            assert (found.pinned, found.pull, found.command) == (both[0], "", ["/a"])
        assert asked == []
        # A restarted server knows it, and removes nothing of it.
        catalogue.sweep()
        root = catalogue.find(both[0]).root
        assert root is not None
        assert (root / "a").read_text() == "1"


async def test_another_registry_is_refused_though_its_image_is_here(
    layout: Path, place: Place
) -> None:
    with registry(layout) as host, new_store() as store:
        workshop, _ = place.opened(store, host)
        pinned = await workshop.pull(f"{host}/toy:1", print)
        workshop, catalogue = place.opened(store, "ghcr.io")
        for uri in (pinned, f"{host}/toy:1"):
            with pytest.raises(UnknownImageError, match=r"image_registries \(ghcr\.io there now"):
                catalogue.find(uri)
        with pytest.raises(BuildError, match="images are not pulled from 127"):
            await workshop.pull(f"{host}/toy:2", print)


async def test_an_image_that_is_not_there_is_told_with_the_registrys_words(
    layout: Path, place: Place
) -> None:
    with registry(layout) as host, new_store() as store:
        workshop, _ = place.opened(store, host)
        with pytest.raises(BuildError, match="manifest"):
            await workshop.pull(f"{host}/toy@sha256:{'0' * 64}", print)
        assert list((place.home / "images" / ".building").iterdir()) == []


def login_file(folder: Path, *hosts: str) -> Path:
    path = folder / "auth.json"
    auth = {"auth": "cmVhZGVyOnMzY3JldA=="}
    path.write_text(json.dumps({"auths": dict.fromkeys(hosts, auth)}))
    path.chmod(0o600)
    return path


async def test_a_registry_that_asks_gets_its_own_login(
    layout: Path, place: Place, tmp_path: Path
) -> None:
    with registry(layout, login=LOGIN) as host, new_store() as store:
        workshop, _ = place.opened(store, host)
        with pytest.raises(BuildError, match=r"authentication required|unauthorized"):
            await workshop.pull(f"{host}/toy:1", print)
        access = RegistryAccess(str(login_file(tmp_path, host)))
        workshop, _ = place.opened(store, host, access=access)
        assert (await workshop.pull(f"{host}/toy:1", print)).startswith(f"{host}/toy@sha256:")


def test_a_pull_is_given_no_other_registrys_login(tmp_path: Path) -> None:
    hosts = ["one.example.org", "https://index.docker.io/v1/", "two.example.org/team"]
    access = RegistryAccess(str(login_file(tmp_path, *hosts)))
    given = {host: access.of(host).login for host in ("two.example.org", "docker.io", "ghcr.io")}
    assert list(json.loads(given["two.example.org"])["auths"]) == ["two.example.org/team"]
    assert list(json.loads(given["docker.io"])["auths"]) == ["docker.io"]
    assert given["ghcr.io"] == ""


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("{}", 0o644, "others may read .* chmod 600"),
        ("[]", 0o600, "podman login --authfile"),
        ("no", 0o600, "podman login --authfile"),
        (None, 0o600, "image_registry_login_file: .* cannot be read"),
    ],
)
def test_a_login_file_that_cannot_be_used_is_said(
    tmp_path: Path, text: str | None, mode: int, said: str
) -> None:
    path = tmp_path / "auth.json"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(BuildError, match=said):
        RegistryAccess(str(path)).of("ghcr.io")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("ghcr.io/a/b", "ghcr.io/a/b:latest"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("localhost:5000/b:1", "localhost:5000/b:1"),
        (f"ghcr.io/a/b:1@sha256:{'a' * 64}", f"ghcr.io/a/b@sha256:{'a' * 64}"),
        ("python:3.12", None),
        ("library/python:3.12", None),
        ("docker://ghcr.io/a/b:1", None),
        ("oci:/etc/passwd:1", None),
        ("ghcr.io/../b:1", None),
        ("ghcr.io/a/B:1", None),
        ("-o.x/b:1", None),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/b:1", None),
    ],
)
def test_an_image_elsewhere_is_named_with_its_registry(uri: str, name: str | None) -> None:
    found = ForeignReference.parse(uri)
    assert (None if found is None else found.name) == name


async def test_a_registrys_certificate_is_verified_by_the_authority_that_is_named(
    layout: Path, place: Place, tmp_path: Path
) -> None:
    issuer, stranger = Issuer(), Issuer("a stranger")
    issued = issuer.issue("localhost", "127.0.0.1")
    (tmp_path / "server.pem").write_bytes(issued.chain + issued.key)
    for name, authority in (("ours.pem", issuer), ("theirs.pem", stranger)):
        (tmp_path / name).write_bytes(authority.pem)
    with registry(layout, certificate=tmp_path / "server.pem") as host, new_store() as store:
        theirs = RegistryAccess(authority_file=str(tmp_path / "theirs.pem"))
        workshop, _ = place.opened(store, host, access=theirs)
        with pytest.raises(BuildError, match="certificate"):
            await workshop.pull(f"{host}/toy:1", print)
        ours = RegistryAccess(authority_file=str(tmp_path / "ours.pem"))
        workshop, _ = place.opened(store, host, access=ours)
        assert (await workshop.pull(f"{host}/toy:1", print)).startswith(f"{host}/toy@sha256:")
