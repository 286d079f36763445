"""The catalogue of container images: rows of the store, which the images' own folders follow.

An image has a row by its digest, which never changes, and a tag has one that says which image bears
it now. An image's folder is there before its row is: what has a row can be run.
"""

from __future__ import annotations

from modelyard.compute.containers.image_folder import PURPOSES, ImageFolder
from modelyard.compute.images import Image, Purpose, UnknownImageError, find_image
from modelyard.compute.images import image_of as built_in_of
from modelyard.containers.pulled import PulledImages
from modelyard.containers.references import (
    ForeignReference,
    OwnReference,
    image_uri,
    repository_arn,
)
from modelyard.store.resources import Json, Resource, Scope, Snapshot, Store, Transaction

IMAGE = "container-image"
TAG = "container-tag"
_ACTIVE = "ACTIVE"


class Catalogue:
    """Finds images by their URIs: the built-in ones, those built here, those of other registries.

    Args:
        folder: where the images of this machine lie.
        pulled: what was pulled from other registries, and what may be; None: nothing.
    """

    def __init__(
        self, store: Store, folder: ImageFolder, pulled: PulledImages | None = None
    ) -> None:
        self._store = store
        self._folder = folder
        self._pulled = pulled

    def sweep(self) -> None:
        """Remove what lies in the images' folder and is in no row."""
        with self._store.read() as snapshot:
            images = snapshot.with_status(IMAGE, _ACTIVE)
        known = [image.name.rpartition("@")[2] for image in images]
        self._folder.sweep([*known, *(self._pulled.digests() if self._pulled else ())])

    def find(self, uri: str) -> Image:
        """Return the image that `uri` means, whatever it is for.

        Raises:
            UnknownImageError: there is none, or not on this machine.
        """
        try:
            return find_image(uri)
        except UnknownImageError as error:
            return self._container(uri, error)

    def image_of(self, uri: str, purpose: Purpose) -> Image:
        """Return the image that `uri` means, which is one for that purpose.

        Raises:
            UnknownImageError: there is none, or not on this machine.
        """
        try:
            return built_in_of(uri, purpose)
        except UnknownImageError as error:
            return self._container(uri, error)

    def _container(self, uri: str, error: UnknownImageError) -> Image:
        foreign = ForeignReference.parse(uri)
        if foreign is not None:
            return self._foreign(foreign, error)
        reference = OwnReference.parse(uri)
        if reference is None:
            raise UnknownImageError(
                f"{error}. Nor is it an image of a registry, which would be named as "
                "docker.io/library/python:3.12 is"
            ) from error
        with self._store.read() as snapshot:
            digest = digest_of(snapshot, reference)
        if digest is None:
            raise UnknownImageError(
                f"{error}. Nor is it one that was built here: build it with the pipeline type "
                f"byom_image_builder in the account {reference.scope.account}, region "
                f"{reference.scope.region}"
            ) from error
        if not self._folder.has(digest):
            raise UnknownImageError(
                f"Image {uri!r} ({digest}) is not on this machine any more: build it again"
            ) from error
        scope, repository = reference.scope, reference.repository
        return self._folder.image(
            digest,
            name=repository,
            tag=reference.tag,
            pinned=image_uri(scope, repository, digest=digest),
        )

    def _foreign(self, reference: ForeignReference, error: UnknownImageError) -> Image:
        """Return an image of a registry elsewhere; one that is not here yet says what to pull."""
        pulled = self._pulled
        if pulled is None or reference.registry not in pulled.registries:
            allowed = ", ".join(pulled.registries if pulled else ()) or "none is"
            raise UnknownImageError(
                f"{error}. Nor are images pulled from {reference.registry}: add it to the setting "
                f"image_registries ({allowed} there now)"
            ) from error
        name, tag = reference.repository, reference.tag
        found = pulled.find(reference)
        if found is not None and self._folder.has(found.digest):
            return self._folder.image(found.digest, name=name, tag=tag, pinned=found.pinned)
        return Image(
            name=name,
            version=tag or reference.digest,
            entrypoint=(),
            purposes=PURPOSES,
            pull=reference.name,
        )


def digest_of(snapshot: Snapshot, reference: OwnReference) -> str | None:
    """Return the digest of the image that a reference names; None: there is none."""
    scope = reference.scope
    if reference.digest:
        name = _image_name(reference.repository, reference.digest)
        return reference.digest if snapshot.find(scope, IMAGE, name) is not None else None
    found = snapshot.find(scope, TAG, reference.tag_name)
    return None if found is None else str(found.observed["digest"])


def register(
    transaction: Transaction,
    scope: Scope,
    repository: str,
    tag: str,
    digest: str,
    *,
    origin: Json,
) -> Resource:
    """Write that a tag means an image from now on, and return the tag's row.

    Args:
        origin: what the image was made of.
    """
    arn = repository_arn(scope, repository)
    name = _image_name(repository, digest)
    if transaction.find(scope, IMAGE, name) is None:
        transaction.create(
            scope, IMAGE, name, arn=f"{arn}@{digest}", spec=origin, status=_ACTIVE, observed={}
        )
    row = transaction.find(scope, TAG, f"{repository}:{tag}")
    if row is not None:
        return transaction.update(row, observed={"digest": digest})
    return transaction.create(
        scope,
        TAG,
        f"{repository}:{tag}",
        arn=f"{arn}:{tag}",
        spec={"repository": repository, "tag": tag},
        status=_ACTIVE,
        observed={"digest": digest},
    )


def _image_name(repository: str, digest: str) -> str:
    return f"{repository}@{digest}"
