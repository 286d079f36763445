"""What the types for custom images have in place of a framework and its version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelyard.orchestrator.blueprints._base import Attribute, Place, Problem

IMAGE = "custom_image_uri"
_FRAMEWORK, _VERSION = "model_framework", "model_framework_version"


def with_image(attributes: Sequence[Attribute]) -> tuple[Attribute, ...]:
    """Return the attributes of a type for built-in images as those of one for custom images."""
    found = []
    for attribute in attributes:
        if attribute.name == _FRAMEWORK:
            image = Attribute(
                name=IMAGE,
                parameter="ImageUri",
                required=True,
                unless=attribute.unless,
                prepare=str.strip,
            )
            found.append(image)
        elif attribute.name != _VERSION:
            found.append(attribute)
    return tuple(found)


def check_image(values: Mapping[str, str], place: Place, problems: list[Problem]) -> None:
    """Add to `problems` that there is no such image, if so."""
    try:
        if values.get(IMAGE):
            place.require_image(values[IMAGE])
    except ValueError as error:
        problems.append(Problem(attribute=IMAGE, text=str(error)))
