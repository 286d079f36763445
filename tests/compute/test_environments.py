"""Environments of users' requirements: built from a real index, once, and found again."""

from __future__ import annotations

import asyncio
import functools
import http.server
import importlib.metadata
import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.compute.environments import MOUNT, Environments, RequirementsError
from modelyard.compute.runtime import Program, Runtime
from modelyard.compute.runtimes import best_runtime

ACCOUNT = "123456789012"


def wheel(name: str, version: str, text: str) -> bytes:
    """Return a wheel with one module that holds one text."""
    target = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"{name}.py", f"TEXT = {text!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{info}/RECORD", "")
    return target.getvalue()


class Index(http.server.SimpleHTTPRequestHandler):
    """An index of packages, quietly."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("index")
    installed = importlib.metadata.version("iniconfig")
    offered = [("modelyard_toy", "1.0"), ("modelyard_toy", "2.0"), ("iniconfig", installed)]
    for name, version in [*offered, ("iniconfig", "99")]:
        folder = root / "simple" / name.replace("_", "-")
        folder.mkdir(parents=True, exist_ok=True)
        file = f"{name}-{version}-py3-none-any.whl"
        (folder / file).write_bytes(wheel(name, version, f"{name} {version}"))
        with (folder / "index.html").open("a") as links:
            links.write(f'<a href="{file}">{file}</a>\n')
    handler = functools.partial(Index, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return asyncio.run(best_runtime(tmp_path_factory.mktemp("run"), hidden=[]))


class World:
    def __init__(self, folder: Path, runtime: Runtime, index: str) -> None:
        self.folder = folder
        self.runtime = runtime
        self.said: list[str] = []
        variables = {"UV_DEFAULT_INDEX": index, "SECRET": "s"}
        self.environments = Environments(runtime, folder / "environments", variables)

    async def ensure(self, text: str, *, network: bool = True) -> str | None:
        file = self.folder / "requirements.txt"
        file.write_text(text)
        return await self.environments.ensure(ACCOUNT, file, network=network, say=self.said.append)


@pytest.fixture
def world(tmp_path: Path, runtime: Runtime, index: str) -> World:
    return World(tmp_path, runtime, index)


async def test_requirements_are_locked_installed_and_importable(world: World) -> None:
    name = await world.ensure("modelyard-toy<2\niniconfig\n")
    assert name is not None
    path = world.environments.path(ACCOUNT, name)
    lock = (path / "requirements.lock").read_text()
    assert "modelyard-toy==1.0" in lock
    assert "--hash=sha256:" in lock
    # What this Python has already is not installed once more.
    assert not (path / "iniconfig.py").exists()
    lines: list[str] = []
    base = world.folder / "base"
    base.mkdir()
    process = await world.runtime.start(
        Program(
            identity="toy",
            argv=[sys.executable, "-c", "import modelyard_toy; print(modelyard_toy.TEXT)"],
            environment={"PYTHONPATH": f"/opt/ml/{MOUNT}"},
            base=base,
            inputs={MOUNT: path},
        ),
        lines.append,
    )
    assert (await process.wait(), lines) == (0, ["modelyard_toy 1.0"])


async def test_the_same_requirements_are_built_once_and_then_need_no_network(
    world: World,
) -> None:
    name = await world.ensure("modelyard-toy")
    assert await world.ensure("modelyard-toy", network=False) == name
    assert "was built before" in world.said[-1]
    assert await world.ensure("modelyard-toy==1.0") != name


async def test_two_jobs_at_once_build_one_environment(world: World) -> None:
    names = await asyncio.gather(world.ensure("modelyard-toy"), world.ensure("modelyard-toy"))
    assert len(set(names)) == 1
    assert len(list((world.folder / "environments" / ACCOUNT).iterdir())) == 1


async def test_what_cannot_be_resolved_is_told_in_uvs_own_words(world: World) -> None:
    with pytest.raises(RequirementsError, match="modelyard-toy==9"):
        await world.ensure("modelyard-toy==9")
    assert list((world.folder / "environments" / ACCOUNT).iterdir()) == []


async def test_without_a_network_it_says_what_to_do(world: World) -> None:
    with pytest.raises(RequirementsError, match="EnableNetworkIsolation"):
        await world.ensure("modelyard-toy", network=False)


async def test_no_requirements_need_no_environment(world: World) -> None:
    assert await world.ensure(" \n") is None
    (world.folder / "requirements.txt").unlink()
    missing = world.folder / "requirements.txt"
    assert await world.environments.ensure(ACCOUNT, missing, network=True, say=print) is None
