"""Every engine that is installed builds and pulls, behind one interface; without one it is said."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from modelyard.compute.bubblewrap import Bubblewrap
from modelyard.compute.containers.building import Access, BuildError, ImageBuilder, Order
from modelyard.compute.containers.docker import DockerError, digest_in
from modelyard.compute.containers.engines import engine
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.compute.runtime import RuntimeUnavailableError
from tests.compute.registry import registry
from tests.compute.test_image_building import LOOKING, TOOLS, Yard
from tests.compute.test_runtimes import runtime_or_skip
from tests.container_images import python_root, require_engine


def yard_of(folder: Path, name: str) -> Yard:
    home = folder / "home"
    (home / "run").mkdir(parents=True)
    (home / "credentials").write_text("secret-of-the-server")
    runtime = runtime_or_skip(Bubblewrap([home]), home)
    images = ImageFolder(home / "images")
    builder = ImageBuilder(runtime, images, home / "images" / ".building", engine=name)
    return Yard(home, builder, images)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    require_engine("podman")
    return yard_of(tmp_path_factory.mktemp("podman"), "podman")


@pytest.fixture(scope="module")
def tools(podman: Yard) -> str:
    """The digest of an image with a Python, which podman has built."""
    context = podman.context("tools", "FROM scratch\nCOPY root /\nENV PATH=/usr/local/bin\n")
    python_root(context / "root")
    return asyncio.run(podman.make(name=TOOLS, context=context))


async def test_podmans_steps_see_nothing_of_the_server_either(podman: Yard, tools: str) -> None:
    command = json.dumps(["python3", "-c", LOOKING, str(podman.home), "9"])
    context = podman.context("looking", f"FROM {TOOLS}\nRUN {command}\n")
    digest = await podman.make(context=context, bases={TOOLS: tools})
    assert "seen: [] 0" in podman.lines
    assert podman.images.has(digest)
    assert list((podman.home / "images" / ".building").iterdir()) == []


async def test_podman_names_the_step_that_fails(podman: Yard, tools: str) -> None:
    command = json.dumps(["python3", "-c", "raise SystemExit('no further')"])
    context = podman.context("failing", f"FROM {TOOLS}\nRUN {command}\n")
    with pytest.raises(BuildError, match=r"STEP 2/2: RUN .* failed\. (?s:.*)no further"):
        await podman.make(context=context, bases={TOOLS: tools})


async def test_podman_pulls_from_what_is_allowed_only(podman: Yard, tools: str) -> None:
    with registry(podman.images.layout(tools)) as host:
        made = await podman.builder.carry_out(
            Order(
                identity="p",
                name=f"{host}/tools:1",
                pull=f"{host}/tools:1",
                registries=[host],
                network=True,
            ),
            podman.lines.append,
        )
        assert (made.pulled, podman.images.has(made.digest)) == (tools, True)
        context = podman.context("from-outside", f"FROM {host}/tools:1\n")
        with pytest.raises(BuildError, match="STEP 1/1: FROM"):
            await podman.make(context=context, network=True)


def docker_by_podman(folder: Path, host: str) -> Path:
    """Make a `docker` that is podman, which has its command line, and a storage of its own.

    No daemon of docker's runs where these tests do.
    """
    conf = folder / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
    policy = folder / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    program = folder / "bin" / "docker"
    program.parent.mkdir()
    places = f"--root {folder}/s --runroot {folder}/r --tmpdir {folder}/t --storage-driver vfs"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {folder}/calls\n'
        'if [ "$1" = --config ]; then\n'
        f"  cp $2/config.json {folder}/config.json; shift 2; fi\n"
        f"command=$1; shift\n"
        f"export CONTAINERS_REGISTRIES_CONF={conf}\n"
        f'[ "$command" = pull ] && set -- --signature-policy {policy} "$@"\n'
        f'exec {shutil.which("podman")} {places} --events-backend none $command "$@"\n'
    )
    program.chmod(0o755)
    return program.parent


async def test_docker_pulls_through_its_client(
    podman: Yard, tools: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry(podman.images.layout(tools)) as host, TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short)  # podman refuses a storage at a longer path
        path = docker_by_podman(folder, host)
        monkeypatch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")
        yard = yard_of(tmp_path, "docker")
        reference = f"{host}/tools:1"
        order = Order(
            identity="d",
            name=reference,
            pull=reference,
            registries=[host],
            access=Access(login='{"auths": {}}'),
        )
        made = await yard.builder.carry_out(order, yard.lines.append)
        assert (folder / "config.json").read_text() == '{"auths": {}}'
        pull, inspect, save = (folder / "calls").read_text().splitlines()
    assert made.pulled == tools
    image = yard.images.image(made.digest, name="tools", tag="1", pinned="")
    assert image.root is not None
    assert (image.root / "usr" / "local" / "bin" / "python3").is_file()
    assert pull.endswith(f"pull {reference}")
    assert inspect == f"image inspect --format {{{{json .RepoDigests}}}} {reference}"
    assert save.startswith("save --output ")
    assert list((yard.home / "images" / ".building").iterdir()) == []


async def test_what_docker_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho Cannot connect to the Docker daemon.\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    yard = yard_of(tmp_path, "docker")
    with pytest.raises(BuildError, match=r"docker pull failed: Cannot connect to the Docker"):
        await yard.make(pull="docker.io/library/x:1")
    assert list((yard.home / "images" / ".building").iterdir()) == []


@pytest.mark.parametrize(
    ("said", "reference", "digest"),
    [
        ('["python@sha256:1"]', "docker.io/library/python:3", "sha256:1"),
        ('["a/b@sha256:2"]', "docker.io/a/b@sha256:9", "sha256:2"),
        ('["x.org:5/a@sha256:1", "y.org:5/a@sha256:3"]', "y.org:5/a:1", "sha256:3"),
    ],
)
def test_the_digest_is_that_of_its_own_repository(said: str, reference: str, digest: str) -> None:
    assert digest_in(said, reference) == digest


@pytest.mark.parametrize("said", ["", "null", "[]", '["x.org/a@sha256:1"]'])
def test_an_image_without_a_digest_of_its_registry_is_refused(said: str) -> None:
    with pytest.raises(DockerError, match="digest"):
        digest_in(said, "docker.io/library/python:3")


@pytest.mark.parametrize(
    ("installed", "setting", "builds", "found"),
    [
        (["podman", "buildah", "docker"], "auto", True, "buildah"),
        (["podman", "docker"], "auto", True, "podman"),
        (["docker"], "auto", False, "docker"),
        (["buildah", "podman"], "podman", False, "podman"),
        (["docker"], "auto", True, "docker pulls images here, and builds none.*install buildah"),
        ([], "auto", True, "install buildah .*podman .*docker"),
        (["buildah"], "podman", True, "podman, which the setting image_engine names, is not ins"),
    ],
)
def test_the_engine_is_the_one_that_is_named_or_the_first_there_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: list[str],
    setting: str,
    builds: bool,
    found: str,
) -> None:
    for name in installed:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if found in installed:
        assert engine(setting, builds=builds) == found
        return
    with pytest.raises(RuntimeUnavailableError, match=found):
        engine(setting, builds=builds)
