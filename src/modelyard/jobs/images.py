"""Which image a job runs: what its URI meant when the job was created, though a tag may move."""

from __future__ import annotations

from modelyard.compute.images import Image
from modelyard.store.resources import Json, Resource

_MEMBER = "image"


def pinning(image: Image) -> Json:
    """Return what a job's row is to say of the image that it was created with."""
    return {_MEMBER: image.pinned} if image.pinned else {}


def pinned_image(job: Resource, given: str) -> str:
    """Return the URI of a job's image, by its digest where it has one."""
    return str(job.observed.get(_MEMBER, given))
