"""Programs of container images: they pass the runtime's contract, and see the image's files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.compute.bubblewrap import Bubblewrap
from modelyard.compute.confinement import launcher
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.namespaces import Namespaces
from modelyard.compute.runtime import Process, Program, Runtime, RuntimeUnavailableError
from modelyard.compute.sandbox import SandboxRuntime
from modelyard.compute.system_view import IMAGE_FILES, IMAGE_FOLDERS, IMAGE_ROOT
from modelyard.images.image_builder.layers import add_mount_points
from tests.compute.contract import RuntimeContract, World
from tests.compute.test_runtimes import runtime_or_skip
from tests.container_images import python_root

_PROGRAMS = ("sh", "sleep", "true", "setsid", "mkdir", "chmod")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image's file system, unpacked."""
    root = python_root(tmp_path_factory.mktemp("image") / "rootfs", _PROGRAMS)
    add_mount_points(root, IMAGE_FOLDERS, IMAGE_FILES)
    return root


def inside(argv: Sequence[str], **environment: str) -> list[str]:
    settings = {"root": IMAGE_ROOT, "folder": "/opt/ml", "environment": environment}
    python = {sys.executable: "/usr/local/bin/python3"}
    return [*launcher("in_image", json.dumps(settings)), *(python.get(a, a) for a in argv)]


class InImage:
    """Runs every program in an image."""

    def __init__(self, runtime: Runtime, root: Path) -> None:
        self._runtime = runtime
        self._root = root

    @property
    def name(self) -> str:
        return self._runtime.name

    async def start(self, program: Program, on_line: Callable[[str], None]) -> Process:
        program = replace(program, argv=inside(program.argv), image=self._root)
        return await self._runtime.start(program, on_line)

    async def end(self, identity: str) -> None:
        await self._runtime.end(identity)


class ImageContract(RuntimeContract):
    async def test_this_python_and_its_packages_work_inside(self, world: World) -> None:
        """It is the image's Python, and the machine's own files are not there."""
        text = "print(sys.executable, sys.argv[1:], [p for p in sys.argv[1:] if os.path.exists(p)])"
        assert await world.run_python(text, __file__, "/usr/bin/env") == 0
        assert world.lines == [f"/usr/local/bin/python3 {[__file__, '/usr/bin/env']} []"]


class TestInBubblewrap(ImageContract):
    @pytest.fixture
    def runtime(self, home: Path, root: Path) -> Runtime:
        return InImage(runtime_or_skip(Bubblewrap([home]), home), root)


class TestInNamespaces(ImageContract):
    @pytest.fixture
    def runtime(self, home: Path, root: Path) -> Runtime:
        return InImage(runtime_or_skip(Namespaces([home]), home), root)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "run").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    return tmp_path / "base"


@pytest.fixture
def bubblewrap(home: Path) -> Runtime:
    return runtime_or_skip(Bubblewrap([home]), home)


async def test_an_images_variables_are_there_and_the_jobs_own_go_first(
    bubblewrap: Runtime, base: Path, root: Path
) -> None:
    text = "import os; print([os.environ[name] for name in ('PATH', 'A', 'B', 'HOME')])"
    lines: list[str] = []
    program = Program(
        identity="x",
        argv=inside([sys.executable, "-c", text], PATH="/opt/x:/bin", A="image", B="image"),
        environment={"B": "job"},
        base=base,
        image=root,
    )
    process = await bubblewrap.start(program, lines.append)
    assert (await process.wait(), lines) == (0, ["['/opt/x:/bin', 'image', 'job', '/tmp']"])


async def test_where_there_is_no_mount_namespace_no_image_runs(
    home: Path, base: Path, root: Path
) -> None:
    runtime = SandboxRuntime(MovedBase([home]), home / "run")
    program = Program(identity="x", argv=["x"], environment={}, base=base, image=root)
    with pytest.raises(RuntimeUnavailableError, match="install bubblewrap"):
        await runtime.start(program, lambda _line: None)
