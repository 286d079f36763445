"""Which image a job runs: what its URI meant when the job was created, though a tag may move.

A job's row says of it, in its observed state:

- `image`: its URI by its digest, and `pull`: where it is still to be pulled from;
- `container` and `container_pull`: the same of the image whose container a built-in program runs
  in, where it runs in one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modelyard.compute.images import Image
from modelyard.store.resources import Json, Resource

_IMAGE, _CONTAINER = "image", "container"
_PULLS = {_IMAGE: "pull", _CONTAINER: "container_pull"}


def pinning(image: Image) -> Json:
    """Return what a job's row is to say of the image that it was created with."""
    return _pinning(_IMAGE, image)


def containing(container: Image) -> Json:
    """Return what a job's row is to say of the container that its built-in program runs in."""
    return _pinning(_CONTAINER, container)


def to_pull(job: Resource) -> Iterator[tuple[str, str]]:
    """Yield what is still to be pulled: a member of the row's, and the image's reference."""
    for member, pull in _PULLS.items():
        if pull in job.observed and member not in job.observed:
            yield member, str(job.observed[pull])


def is_contained(job: Resource) -> bool:
    """Return whether a job runs a built-in program in a container."""
    return _CONTAINER in job.observed


def digest_of(job: Resource) -> str:
    """Return the URI, by digest, of the image whose files a job's program sees; empty: none."""
    return str(job.observed.get(_CONTAINER) or job.observed.get(_IMAGE) or "")


def image_of_job(job: Resource, given: str, image_of: Callable[[str], Image]) -> Image:
    """Return the image that a job runs.

    Args:
        given: the URI that the job was created with.
        image_of: returns the image of a URI; raises ValueError where there is none.

    Raises:
        ValueError: it is not on this machine any more.
    """
    image = image_of(str(job.observed.get(_IMAGE, given)))
    container = job.observed.get(_CONTAINER)
    return image if container is None else image.in_container(image_of(str(container)))


def _pinning(member: str, image: Image) -> Json:
    if image.pull:
        return {_PULLS[member]: image.pull}
    return {member: image.pinned} if image.pinned else {}
