"""A model of the registry in place of one that is given as an archive with its framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelyard.orchestrator.blueprints._base import Attribute, Problem

PACKAGE = "model_package_name"
#: What a registered model brings along, of a built-in image.
OWN_MODEL = ("model_framework", "model_framework_version", "model_artifact_location")

MODEL_FRAMEWORK = Attribute(
    name="model_framework",
    required=True,
    unless=PACKAGE,
    prepare=str.strip,
    meaning="The built-in algorithm that the model was trained with, such as xgboost.",
)
MODEL_FRAMEWORK_VERSION = Attribute(
    name="model_framework_version",
    required=True,
    unless=PACKAGE,
    prepare=str.strip,
    meaning="Its version, such as 1.7-1.",
)
MODEL_PACKAGE_NAME = Attribute(name=PACKAGE, parameter="ModelPackageName", prepare=str.strip)


def check_model(
    values: Mapping[str, str], problems: list[Problem], own: Sequence[str] = OWN_MODEL
) -> None:
    """Add what is wrong where a model is registered and given, or neither of both.

    Args:
        own: what gives a model that is not registered.
    """
    given = [name for name in own if values.get(name)]
    if values.get(PACKAGE) and given:
        text = f"a registered model has its own: leave {' and '.join(given)} out, or leave this out"
        problems.append(Problem(attribute=PACKAGE, text=text))
    elif PACKAGE in values and not values[PACKAGE] and len(given) < len(own):
        text = f"is empty: give a model package's ARN, or all of {', '.join(own)}"
        problems.append(Problem(attribute=PACKAGE, text=text))
