"""Images are built and pulled by an engine that is kept to its own, and by nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modelyard.compute.bubblewrap import Bubblewrap
from modelyard.compute.containers.building import BuildError, ImageBuilder, Order
from modelyard.compute.containers.image_folder import ImageFolder, ImageFolderError
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.compute.sandbox import SandboxRuntime
from tests.compute.registry import registry
from tests.compute.test_runtimes import runtime_or_skip
from tests.container_images import python_root, require_buildah

TOOLS = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools:1"


@dataclass
class Yard:
    """A home with images, and who builds them."""

    home: Path
    builder: ImageBuilder
    images: ImageFolder
    lines: list[str] = field(default_factory=list)

    def context(self, name: str, dockerfile: str) -> Path:
        folder = self.home / "contexts" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(dockerfile)
        return folder

    async def make(self, **order: object) -> str:
        given: dict[str, object] = {"identity": "build", "name": "docker.io/library/toy:1", **order}
        return await self.builder.make(Order(**given), self.lines.append)  # type: ignore[arg-type]  # a test names what it orders


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    require_buildah()
    home = tmp_path_factory.mktemp("yard") / "home"
    (home / "run").mkdir(parents=True)
    (home / "credentials").write_text("secret-of-the-server")
    runtime = runtime_or_skip(Bubblewrap([home]), home)
    images = ImageFolder(home / "images")
    return Yard(home, ImageBuilder(runtime, images, home / "images" / ".building"), images)


@pytest.fixture(scope="module")
def tools(yard: Yard) -> str:
    """The digest of an image with a Python."""
    context = yard.context("tools", "FROM scratch\nCOPY root /\nENV PATH=/usr/local/bin\n")
    python_root(context / "root")
    return asyncio.run(yard.make(name=TOOLS, context=context))


LOOKING = """
import os, socket, sys
found = []
def attempt(path):
    try:
        if b"secret" in open(path, "rb").read(): found.append(path)
    except OSError:
        pass
home, port = sys.argv[1], int(sys.argv[2])
attempt(home + "/credentials")
for name in os.listdir("/proc"):
    if name.isdigit():
        attempt(f"/proc/{name}/root{home}/credentials")
        attempt(f"/proc/{name}/environ")
try:
    socket.create_connection(("127.0.0.1", port), 2)
    found.append("network")
except OSError:
    pass
try:
    os.mknod("/disk", 0o60600, os.makedev(8, 0))
    found.append("device")
except OSError:
    pass
print("seen:", found, os.getuid())
"""


@pytest.mark.parametrize("network", [False, True])
async def test_a_step_sees_nothing_of_the_server(
    yard: Yard, tools: str, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    monkeypatch.setenv("MODELYARD_ROOT_SECRET_ACCESS_KEY", "secret-of-the-server")
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    command = json.dumps(["python3", "-c", LOOKING, str(yard.home), str(port)])
    context = yard.context(f"looking-{network}", f"FROM {TOOLS}\nRUN {command}\n")
    yard.lines.clear()
    async with server:
        digest = await yard.make(context=context, network=network, bases={TOOLS: tools})
    seen = ["network"] if network else []
    assert f"seen: {seen} 0" in yard.lines
    assert yard.images.has(digest)
    assert list((yard.home / "images" / ".building").iterdir()) == []


async def test_a_base_image_may_have_the_short_name_of_docker_hub(yard: Yard, tools: str) -> None:
    context = yard.context("short", "FROM tools\nENV A=1\n")
    digest = await yard.make(context=context, bases={"docker.io/library/tools:latest": tools})
    assert yard.images.has(digest)


async def test_a_step_that_fails_is_named_with_its_last_lines(yard: Yard, tools: str) -> None:
    command = json.dumps(["python3", "-c", "print('so far'); raise SystemExit('no further')"])
    context = yard.context("failing", f"FROM {TOOLS}\nRUN {command}\n")
    with pytest.raises(
        BuildError, match=r"STEP 2/2: RUN .* failed\. Its last lines: (?s:.*)no fur"
    ):
        await yard.make(context=context, bases={TOOLS: tools})


async def test_an_image_is_pulled_from_a_registry_that_is_allowed(yard: Yard, tools: str) -> None:
    with registry(yard.images.layout(tools)) as host:
        digest = await yard.make(
            name=f"{host}/tools:1", pull=f"{host}/tools:1", registries=[host], network=True
        )
        image = yard.images.image(digest, name="tools", tag="1", pinned="")
        assert image.root is not None
        assert (image.root / "usr" / "local" / "bin" / "python3").is_file()
        by_digest = await yard.make(
            name="docker.io/library/x:1",
            pull=f"{host}/tools@{tools}",
            registries=[host],
            network=True,
        )
        assert yard.images.has(by_digest)


async def test_an_image_is_not_pulled_from_another_registry(yard: Yard, tools: str) -> None:
    with registry(yard.images.layout(tools)) as host:
        with pytest.raises(BuildError, match=r"images are not pulled from 127\.0\.0\.1"):
            await yard.make(
                name="docker.io/library/x:1",
                pull=f"{host}/tools:1",
                registries=["ghcr.io"],
                network=True,
            )
        with pytest.raises(BuildError, match=r"STEP 1/1: FROM"):
            context = yard.context("from-outside", f"FROM {host}/tools:1\n")
            await yard.make(context=context, network=True)


@pytest.mark.parametrize("missing", ["engine", "namespaces"])
async def test_where_nothing_can_be_built_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "buildah").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path if missing == "namespaces" else home))
    runtime = SandboxRuntime(MovedBase([home]), home / "run")
    images = ImageFolder(home / "images")
    builder = ImageBuilder(runtime, images, home / "images" / ".building")
    context = tmp_path / "context"
    context.mkdir()
    said = {"engine": "apt-get install buildah", "namespaces": "install bubblewrap"}[missing]
    with pytest.raises(RuntimeUnavailableError, match=said):
        await builder.make(Order(identity="x", name="x", context=context), lambda _line: None)
    building = home / "images" / ".building"
    assert not building.exists() or list(building.iterdir()) == []


def made(folder: Path, config: dict[str, object], *, files: Sequence[str] = ()) -> Path:
    """Write what a build leaves, of an image whose manifest is `{}`."""
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    (folder / "layout" / "blobs" / "sha256").mkdir(parents=True)
    (folder / "layout" / "blobs" / "sha256" / digest).write_text("{}")
    (folder / "config.json").write_text(
        json.dumps({"digest": f"sha256:{digest}", "config": {}, **config})
    )
    (folder / "software.cdx.json").write_text("{}")
    for name in ("proc", "dev", "tmp", "var/tmp", "opt/ml", "etc"):
        (folder / "rootfs" / name).mkdir(parents=True)
    for name in ("etc/hosts", "etc/resolv.conf", *files):
        (folder / "rootfs" / name).touch()
    return folder


def test_what_a_build_has_left_is_looked_at_before_it_is_an_image(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path / "images")
    digest = images.admit(made(tmp_path / "a", {"config": {"Env": ["A=1"], "Cmd": ["x"]}}))
    image = images.image(digest, name="x", tag="1", pinned="")
    assert image.argv((), ())[-1] == "x"
    assert image.train[-1] == "train"
    # A second one is the same one.
    assert images.admit(made(tmp_path / "b", {})) == digest
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"digest": f"sha256:{'0' * 64}"}, "not what its digest says"),
        ({"digest": "sha256:../../x"}, "no digest"),
        ({"config": {"Env": ["nothing"]}}, "no variable"),
        ({"config": {"Entrypoint": "sh"}}, "no list of texts"),
        ({"config": 7}, "no image"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, config: dict[str, object], said: str) -> None:
    images = ImageFolder(tmp_path / "images")
    with pytest.raises(ImageFolderError, match=said):
        images.admit(made(tmp_path / "a", config))
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize("name", ["", "proc", "opt/ml", "etc/hosts", "etc"])
def test_a_link_where_something_is_mounted_is_refused(tmp_path: Path, name: str) -> None:
    folder = made(tmp_path / "a", {})
    path = folder / "rootfs" / name
    path.rename(tmp_path / "away")
    path.symlink_to(tmp_path / "away")
    with pytest.raises(ImageFolderError, match="no place to mount"):
        ImageFolder(tmp_path / "images").admit(folder)


def test_links_in_what_was_built_are_not_read_through(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", {})
    secret = tmp_path / "secret"
    (folder / "config.json").rename(secret)
    (folder / "config.json").symlink_to(secret)
    with pytest.raises(ImageFolderError, match="no image"):
        ImageFolder(tmp_path / "images").admit(folder)
