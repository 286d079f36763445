"""Building and pulling images: each by a confined program, of which nothing is left but the image.

The program (`modelyard.images.image_builder`) calls the engine in a sandbox that shows it the
machine's programs and its own folder: a RUN step sees neither the home nor anybody's processes,
and a network only where the settings say so. Pulling needs the network, and has it; what it pulls
is an image of its own, so that the build upon it needs none.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from modelyard.compute.containers.docker import DockerError, fetch
from modelyard.compute.containers.engines import AUTO, DOCKER, engine
from modelyard.compute.containers.image_folder import ImageFolder, ImageFolderError
from modelyard.compute.job_files import read_text, remove_tree
from modelyard.compute.runtime import Program, Runtime
from modelyard.compute.system_view import IMAGE_FILES, IMAGE_FOLDERS

log = structlog.get_logger(__name__)

_FAILURE_BYTES = 1024
_CONFIG_BYTES = 64 * 2**20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CONTEXT = "input/data/context"
_ARCHIVE = "input/data/archive.tar"  # what docker saved
_GIB = 2**30
_BUILDER = [sys.executable, "-m", "modelyard.images.image_builder"]
#: No process that builds may use more, nor a build take longer.
MEMORY_BYTES = 16 * _GIB
MAX_SECONDS = 3600.0


class BuildError(Exception):
    """The image cannot be built; the message says which step failed, with its last lines."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a pull, and no build, is given to be let in by its registry."""

    login: str = ""  # containers-auth.json(5), of that registry alone
    authority: str = ""  # certificates that vouch for it, PEM

    @property
    def files(self) -> Mapping[str, str]:
        """The files, by name, that the engine reads."""
        found = {"auth.json": self.login, "ca.crt": self.authority}
        return {name: text for name, text in found.items() if text}


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image that was made."""

    digest: str  # as it is kept here
    #: What its registry calls it, where it was pulled: layers are kept unpacked here, so that its
    #: own manifest, and digest, are others.
    pulled: str = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One image that is to be made."""

    identity: str  # unique: an earlier start under it is ended first
    name: str  # the image's URI
    context: Path | None = None  # the folder with its Dockerfile
    pull: str = ""  # or else what it is called in the registry that it is pulled from
    registries: Sequence[str] = ()  # that may be pulled from
    access: Access = Access()
    network: bool = False
    #: Image name -> digest: what of this machine's images FROM may name.
    bases: Mapping[str, str] = field(default_factory=dict)


class ImageBuilder:
    """Makes images. For one event loop.

    Args:
        folder: for what is being made: `<home>/images/.building`, on the images' file system.
        engine: the one to use; "auto" means the first that is installed.
    """

    def __init__(
        self, runtime: Runtime, images: ImageFolder, folder: Path, *, engine: str = AUTO
    ) -> None:
        self._runtime = runtime
        self._engine = engine
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
        return (await self.carry_out(order, on_line)).digest

    async def carry_out(self, order: Order, on_line: Callable[[str], None]) -> Made:
        """Build an image, or pull it; raises as `make` does."""
        chosen = engine(self._engine, builds=not order.pull)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        base = Path(tempfile.mkdtemp(prefix="build-", dir=self._folder))
        try:
            program = self._program(order, base, chosen)
            fetched = await self._fetched(order, base, on_line) if chosen == DOCKER else ""
            code = await self._run(program, on_line)
            if code != 0:
                said = read_text(base, "output/failure", max_bytes=_FAILURE_BYTES)
                raise BuildError(said or f"the builder ended with exit code {code}: see its log")
            pulled = fetched or (_pulled(base) if order.pull else "")
            digest = await asyncio.to_thread(self._images.admit, base / "model")
            return Made(digest=digest, pulled=pulled)
        except (ImageFolderError, DockerError) as error:
            raise BuildError(str(error)) from error
        finally:
            await self._remove(base)

    async def _fetched(self, order: Order, base: Path, on_line: Callable[[str], None]) -> str:
        """Have docker pull what is ordered, for the builder to unpack; return its digest."""
        fetching = fetch(order.pull, base / _ARCHIVE, order.access.files, on_line)
        try:
            return await asyncio.wait_for(fetching, MAX_SECONDS)
        except TimeoutError as error:
            raise BuildError(f"it was not done within {MAX_SECONDS:.0f} s") from error

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

    def _program(self, order: Order, base: Path, chosen: str) -> Program:
        inputs = {} if order.context is None else {_CONTEXT: order.context}
        bases = {}
        for number, (name, digest) in enumerate(order.bases.items()):
            bases[name] = mount = f"input/data/base-{number}"
            inputs[mount] = self._images.layout(digest)
        for mount in ("input/config", "input/data", "model", *inputs):
            (base / mount).mkdir(mode=0o700, parents=True, exist_ok=True)
        orders = {
            "engine": chosen,
            "name": order.name,
            "dockerfile": "Dockerfile",
            "pull": order.pull,
            "registries": list(order.registries),
            "bases": bases,
            "mount_points": {"folders": IMAGE_FOLDERS, "files": IMAGE_FILES},
        }
        config = base / "input" / "config"
        (config / "build.json").write_text(json.dumps(orders))
        for name, text in order.access.files.items():
            (config / name).write_text(text)
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


def _pulled(base: Path) -> str:
    """Return the digest that an image has in its registry.

    Raises:
        ImageFolderError: the builder has not said it.
    """
    try:
        found = json.loads(read_text(base, "model/config.json", max_bytes=_CONFIG_BYTES) or "")
        digest = str(found["pulled"])
    except (ValueError, TypeError, KeyError) as error:
        raise ImageFolderError(f"what was pulled is no image: {error}") from error
    if not _DIGEST.fullmatch(digest):
        raise ImageFolderError(f"what was pulled has no digest: {digest!r}")
    return digest
