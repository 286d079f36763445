"""The workshop: images are built and pulled in it, from base images that are here or pulled first.

A base image that is pulled becomes an image of this machine like any other, known by its digest, so
that a build itself needs no network.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.compute.containers.building import BuildError, ImageBuilder, Order
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.containers.advisories.database import AdvisoriesError
from modelyard.containers.catalogue import digest_of
from modelyard.containers.pulled import PulledImages
from modelyard.containers.references import ForeignReference, OwnReference
from modelyard.containers.registry_access import RegistryAccess
from modelyard.containers.scanning import ImageScanner, told
from modelyard.store.resources import Scope, Store

_DOCKER_HUB = "docker.io"
_LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What builds may reach."""

    registries: Sequence[str] = ()  # that images may be pulled from
    access: RegistryAccess = field(default_factory=RegistryAccess)
    network: bool = False  # whether RUN steps have one


class ImageWorkshop:
    """Makes images for accounts. For one event loop.

    Args:
        builder: runs the engine.
        images: where they are kept.
        pulled: what was pulled for jobs and endpoints; None: nothing is.
        scanner: compares what was made with advisories; None: nothing does.
    """

    def __init__(
        self,
        store: Store,
        builder: ImageBuilder,
        images: ImageFolder,
        rules: Rules,
        pulled: PulledImages | None = None,
        scanner: ImageScanner | None = None,
    ) -> None:
        self._store = store
        self._builder = builder
        self._images = images
        self._rules = rules
        self._pulled = pulled
        self._scanner = scanner or ImageScanner(images)
        self._pulling: dict[str, asyncio.Lock] = {}

    async def build(
        self,
        scope: Scope,
        name: str,
        context: Path,
        bases: Iterable[str],
        say: Callable[[str], None],
        *,
        identity: str,
    ) -> str:
        """Build an image for an account and return its digest.

        Args:
            name: its URI.
            bases: the images that its Dockerfile builds upon.
            identity: unique; an earlier build under it is ended first.

        Raises:
            BuildError: it cannot be built; the message says why.
            RuntimeUnavailableError: nothing can be built here.
        """
        found: dict[str, str] = {}
        for base in dict.fromkeys(bases):
            name = canonical(base)
            found[name] = await self._base(scope, base, say, identity=f"{identity}/base")
        order = Order(
            identity=identity,
            name=name,
            context=context,
            network=self._rules.network,
            bases=found,
        )
        return await self._builder.make(order, say)

    async def pull(self, uri: str, say: Callable[[str], None]) -> str:
        """Pull an image as it is, unless it was pulled before; return its URI by digest.

        Args:
            uri: its registry and repository, with a tag or a digest.

        Raises:
            BuildError: it cannot be pulled; the message says why.
            RuntimeUnavailableError: nothing can be pulled here.
        """
        reference, pulled = ForeignReference.parse(uri), self._pulled
        if reference is None or pulled is None:
            raise BuildError(f"{uri!r} is no image of a registry elsewhere")
        # Whoever comes second waits, and finds what the first one has pulled.
        async with self._pulling.setdefault(reference.name, asyncio.Lock()):
            found = await asyncio.to_thread(pulled.find, reference)
            if found is None or not self._images.has(found.digest):
                name = reference.name
                order = await self._ordered(name, uri, say, identity=f"image-pull/{name}")
                made = await self._builder.carry_out(order, say)
                found = await asyncio.to_thread(pulled.keep, reference, made.digest, made.pulled)
                await self.scan(made.digest, say)
            return found.pinned

    async def scan(self, digest: str, say: Callable[[str], None]) -> bytes | None:
        """Compare an image with the advisories, if there are any; return what was found, as JSON.

        Advisories that cannot be read are told of, and keep nobody from using the image.
        """
        try:
            report = await asyncio.to_thread(self._scanner.scan, digest)
        except (AdvisoriesError, OSError) as error:
            say(f"modelyard: its vulnerabilities are not known: {error}")
            return None
        if report is None:
            return None
        say(f"modelyard: {told(report)}")
        return json.dumps(report, indent=2).encode()

    def software(self, digest: str) -> bytes:
        """Return the CycloneDX document of an image's software."""
        return self._images.software(digest)

    def has(self, digest: str) -> bool:
        """Return whether an image is on this machine."""
        return self._images.has(digest)

    async def _base(
        self, scope: Scope, base: str, say: Callable[[str], None], *, identity: str
    ) -> str:
        own = OwnReference.parse(base)
        if own is not None and own.scope == scope:
            digest = await asyncio.to_thread(self._digest, own)
            if digest is None or not self._images.has(digest):
                raise BuildError(f"FROM {base}: there is no such image here: build it first")
            return digest
        order = await self._ordered(canonical(base), f"FROM {base}", say, identity=identity)
        return await self._builder.make(order, say)

    async def _ordered(
        self, source: str, told: str, say: Callable[[str], None], *, identity: str
    ) -> Order:
        """Return the order for an image of a registry that is allowed.

        Args:
            told: what errors call it.
        """
        registry = source.partition("/")[0]
        if registry not in self._rules.registries:
            allowed = ", ".join(self._rules.registries) or "none is"
            raise BuildError(
                f"{told}: images are not pulled from {registry}: add it to the setting "
                f"image_registries ({allowed} there now)"
            )
        say(f"pulling {source}")
        return Order(
            identity=identity,
            name=source,
            pull=source,
            registries=self._rules.registries,
            access=await asyncio.to_thread(self._rules.access.of, registry),
            network=True,
        )

    def _digest(self, reference: OwnReference) -> str | None:
        with self._store.read() as snapshot:
            return digest_of(snapshot, reference)


def canonical(name: str) -> str:
    """Return an image's name with its registry and a tag, as every engine completes it."""
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"{_DOCKER_HUB}/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"{_DOCKER_HUB}/{name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:{_LATEST}"
