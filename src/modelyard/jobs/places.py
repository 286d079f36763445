"""Where a job runs, decided when it is created: by its tag, its account, and what its image allows.

A container image has files of its own, so its jobs run in a container also where the account's
rule is the sandbox. A built-in program has none: to run it in a container, the account names an
image with a Python and Modelyard in it (`compute.image`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from modelyard.compute.choice import (
    TAG,
    Compute,
    ComputeChoiceError,
    ComputeSettings,
    choose,
    is_told,
)
from modelyard.compute.images import Image
from modelyard.jobs.images import containing, pinning
from modelyard.store.resources import Json, Resource

_MEMBER = "compute"


@dataclass(frozen=True, kw_only=True)
class SandboxOnly:
    """The settings of an account that has said nothing."""

    compute_default: str = "sandbox"
    compute_image: str = ""
    compute_ray_address: str = ""


class Places:
    """Decides where jobs run.

    Args:
        account_of: an account's settings, by its id.
        image_of: returns the image of a URI; raises ValueError where there is none.
        offered: where jobs can run on this server.
    """

    def __init__(
        self,
        account_of: Callable[[str], ComputeSettings] = lambda _account: SandboxOnly(),
        image_of: Callable[[str], Image] | None = None,
        *,
        offered: Collection[Compute] = ("sandbox", "container", "ray"),
    ) -> None:
        self._account_of = account_of
        self._image_of = image_of
        self._offered = offered

    def check(self, account: str, tags: Mapping[str, str]) -> Compute:
        """Return where a job asks to run, whatever it runs.

        Raises:
            ComputeChoiceError: nothing can run there.
        """
        settings = self._account_of(account)
        chosen = choose(settings, tags)
        if chosen not in self._offered:
            raise ComputeChoiceError(
                f"jobs cannot run on {chosen!r}: this server offers {', '.join(self._offered)}"
            )
        if chosen == "ray" and not settings.compute_ray_address:
            raise ComputeChoiceError(
                f"jobs of account {account} cannot run on 'ray': its setting compute.ray.address "
                "names no Ray cluster"
            )
        return chosen

    def place(self, account: str, tags: Mapping[str, str], image: Image, *, whole: bool) -> Json:
        """Return what a job's row is to say of where it runs, and of its image.

        Args:
            whole: whether all of the job is the image's own program; of a batch transform job
                only what serves the model is, unless the image is a container's.

        Raises:
            ComputeChoiceError: it cannot run where it asks to.
        """
        chosen = self.check(account, tags)
        if image.is_container:
            if chosen == "sandbox" and is_told(tags):
                raise ComputeChoiceError(
                    f"the tag {TAG} is 'sandbox', and the image {image.name} has files of its own, "
                    "which only a container shows: leave out the tag, or say container"
                )
            return {_MEMBER: "container" if chosen == "sandbox" else chosen, **pinning(image)}
        if chosen != "container":
            return {_MEMBER: chosen}
        if not whole:
            if is_told(tags):
                raise ComputeChoiceError(
                    f"the tag {TAG} is 'container', and a batch transform job of the built-in "
                    f"image {image.name} runs in the sandbox only: leave out the tag"
                )
            return {_MEMBER: "sandbox"}
        return {_MEMBER: chosen, **containing(self._container(account, image))}

    def _container(self, account: str, image: Image) -> Image:
        uri = self._account_of(account).compute_image
        if not uri or self._image_of is None:
            raise ComputeChoiceError(
                f"the built-in image {image.name} runs in a container only where the account's "
                "setting compute.image names an image with Python and Modelyard in it: set it, or "
                f"tag the job with {TAG}=sandbox"
            )
        try:
            container = self._image_of(uri)
        except ValueError as error:
            raise ComputeChoiceError(f"the account's setting compute.image: {error}") from error
        if not container.is_container:
            raise ComputeChoiceError(
                f"the account's setting compute.image, {uri!r}, is no container image: build one "
                "with the pipeline type byom_image_builder, or name one of a registry"
            )
        return container


def compute_of(job: Resource) -> str:
    """Return where a job runs, or ran."""
    return str(job.observed.get(_MEMBER, "sandbox"))
