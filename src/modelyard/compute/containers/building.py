"""Building and pulling images: each by a confined program, of which nothing is left but the image.

The program (`modelyard.images.image_builder`) calls the engine in a sandbox that shows it the
machine's programs and its own folder: a RUN step sees neither the home nor anybody's processes,
and a network only where the settings say so. Pulling needs the network, and has it; what it pulls
is an image of its own, so that the build upon it needs none.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from modelyard.compute.containers.image_folder import ImageFolder, ImageFolderError
from modelyard.compute.job_files import read_text, remove_tree
from modelyard.compute.runtime import Program, Runtime, RuntimeUnavailableError
from modelyard.compute.system_view import IMAGE_FILES, IMAGE_FOLDERS

log = structlog.get_logger(__name__)

ENGINE = "buildah"
_FAILURE_BYTES = 1024
_CONTEXT = "input/data/context"
_GIB = 2**30
_BUILDER = [sys.executable, "-m", "modelyard.images.image_builder"]
#: No process that builds may use more, nor a build take longer.
MEMORY_BYTES = 16 * _GIB
MAX_SECONDS = 3600.0


class BuildError(Exception):
    """The image cannot be built; the message says which step failed, with its last lines."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One image that is to be made."""

    identity: str  # unique: an earlier start under it is ended first
    name: str  # the image's URI
    context: Path | None = None  # the folder with its Dockerfile
    pull: str = ""  # or else what it is called in the registry that it is pulled from
    registries: Sequence[str] = ()  # that may be pulled from
    network: bool = False
    #: Image name -> digest: what of this machine's images FROM may name.
    bases: Mapping[str, str] = field(default_factory=dict)


class ImageBuilder:
    """Makes images. For one event loop.

    Args:
        folder: for what is being made: `<home>/images/.building`, on the images' file system.
    """

    def __init__(self, runtime: Runtime, images: ImageFolder, folder: Path) -> None:
        self._runtime = runtime
        self._images = images
        self._folder = folder

    def sweep(self) -> None:
        """Remove what a server that was killed has left half-made."""
        try:
            remove_tree(self._folder)
        except PermissionError as error:
            log.warning("what an unfinished build has left cannot be removed", reason=str(error))

    async def make(self, order: Order, on_line: Callable[[str], None]) -> str:
        """Build an image, or pull it, and return its digest; nothing else is left of it.

        Raises:
            BuildError: it cannot be made.
            RuntimeUnavailableError: none can be made here; the message says what to install.
        """
        if shutil.which(ENGINE) is None:
            raise RuntimeUnavailableError(
                "no engine that builds and pulls container images is installed: install buildah "
                "(Debian: apt-get install buildah)"
            )
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        base = Path(tempfile.mkdtemp(prefix="build-", dir=self._folder))
        try:
            code = await self._run(self._program(order, base), on_line)
            if code != 0:
                said = read_text(base, "output/failure", max_bytes=_FAILURE_BYTES)
                raise BuildError(said or f"the builder ended with exit code {code}: see its log")
            return await asyncio.to_thread(self._images.admit, base / "model")
        except ImageFolderError as error:
            raise BuildError(str(error)) from error
        finally:
            await self._remove(base)

    async def _run(self, program: Program, on_line: Callable[[str], None]) -> int:
        process = await self._runtime.start(program, on_line)
        try:
            return await asyncio.wait_for(process.wait(), MAX_SECONDS)
        except TimeoutError as error:
            raise BuildError(f"it was not done within {MAX_SECONDS:.0f} s") from error
        finally:
            process.kill()
            await process.wait()

    async def _remove(self, base: Path) -> None:
        """Remove a build's folder, also what belongs to users that only its namespace knows."""
        try:
            await asyncio.to_thread(remove_tree, base)
        except PermissionError:
            program = Program(
                identity=f"image-cleaning/{base.name}",
                argv=[*_BUILDER, "clear"],
                environment={},
                base=base,
                network=False,
                builder=True,
            )
            await self._run(program, lambda _line: None)
            await asyncio.to_thread(remove_tree, base)

    def _program(self, order: Order, base: Path) -> Program:
        inputs = {} if order.context is None else {_CONTEXT: order.context}
        bases = {}
        for number, (name, digest) in enumerate(order.bases.items()):
            bases[name] = mount = f"input/data/base-{number}"
            inputs[mount] = self._images.layout(digest)
        for mount in ("input/config", "model", *inputs):
            (base / mount).mkdir(mode=0o700, parents=True, exist_ok=True)
        orders = {
            "name": order.name,
            "dockerfile": "Dockerfile",
            "pull": order.pull,
            "registries": list(order.registries),
            "bases": bases,
            "mount_points": {"folders": IMAGE_FOLDERS, "files": IMAGE_FILES},
        }
        (base / "input" / "config" / "build.json").write_text(json.dumps(orders))
        return Program(
            identity=order.identity,
            argv=_BUILDER,
            environment={},
            base=base,
            inputs=inputs,
            network=order.network,
            memory_bytes=MEMORY_BYTES,
            builder=True,
        )
