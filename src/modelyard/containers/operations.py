"""What can be asked of a container image: its software, and what is known against that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.arns import Arn
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.compute.images import Image, UnknownImageError
from modelyard.containers.advisories.database import AdvisoriesError
from modelyard.containers.catalogue import Catalogue
from modelyard.containers.references import OwnReference
from modelyard.containers.scanning import ImageScanner
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound, ValidationError
from modelyard.operations.table import Request, Response, operation


def _image(context: Context, request: Mapping[str, Any]) -> str:
    """Return the ARN of the image that a request names."""
    uri = request.get("ImageUri")
    resource = f"image/{uri}" if isinstance(uri, str) and uri else "image/*"
    return str(
        Arn(service="modelyard", region=context.region, account=context.account, resource=resource)
    )


class ImageOperations:
    """Reads what is known of the images of the caller's account, and of those that were pulled.

    Args:
        scanner: compares images with advisories.
    """

    def __init__(self, catalogue: Catalogue, images: ImageFolder, scanner: ImageScanner) -> None:
        self._catalogue = catalogue
        self._images = images
        self._scanner = scanner

    @operation("modelyard", "DescribeImageSoftware", on=_image)
    def describe_image_software(self, context: Context, request: Request) -> Response:
        image = self._found(context, request["ImageUri"])
        return self._described(request["ImageUri"], image, self._scanner.known(image.digest))

    @operation("modelyard", "ScanImage", on=_image)
    def scan_image(self, context: Context, request: Request) -> Response:
        if not self._scanner.is_configured:
            raise ValidationError(
                "There are no advisories to compare with: put some, in OSV's JSON, into a folder, "
                "and name it in the setting image_advisories"
            )
        image = self._found(context, request["ImageUri"])
        try:
            report = self._scanner.scan(image.digest)
        except AdvisoriesError as error:
            raise ValidationError(str(error)) from error
        return self._described(request["ImageUri"], image, report)

    def _described(
        self, uri: str, image: Image, report: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        return {
            "ImageUri": uri,
            "ImageDigestUri": image.pinned,
            "Digest": image.digest,
            "Software": self._images.software(image.digest).decode(errors="replace"),
            **(report or {}),
        }

    def _found(self, context: Context, uri: str) -> Image:
        own = OwnReference.parse(uri)
        if own is not None and own.scope.account != context.account:
            raise ResourceNotFound(f"There is no container image {uri!r} in this account")
        try:
            image = self._catalogue.find(uri)
        except UnknownImageError as error:
            raise ResourceNotFound(str(error)) from error
        if not image.digest:
            raise ResourceNotFound(
                f"{uri!r} is a built-in image, or has not been pulled yet: only container images "
                "that are on this machine have a list of their software"
            )
        return image
