"""What a pipeline type is: the attributes of its request, and how they fill its blueprint.

An attribute that goes to a parameter of the blueprint has that parameter's rules: they stand in
the blueprint only, and are checked when the request comes. A type adds what no parameter can say:
values that are made, and rules over several.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from types import MappingProxyType
from typing import Any

from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.stacks.loader import read_yaml
from modelyard.orchestrator.stacks.template import DeclaredType

#: Gives the URI of a built-in image. Raises ValueError, naming what there is.
ImageRetriever = Callable[[str, str, str], str]  # framework, version, region


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pipeline is provisioned."""

    region: str
    assets: Assets
    execution_role_arn: str
    retrieve_image: ImageRetriever
    #: The model behind an endpoint. Raises ValueError, with a sentence: there is none.
    model_of: Callable[[str], str]
    #: Raises ValueError, with a sentence, where no image has a URI.
    require_image: Callable[[str], object]
    use_model_registry: bool = False  # only models of the registry are deployed
    image_repository: str = ""  # the only one that images are built into; empty: any
    #: Says why a folder of the assets bucket holds no integration tests, or None.
    tests_problem: Callable[[str], str | None] = lambda _prefix: None


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One key of a request's body."""

    name: str
    parameter: str | None = None  # of the blueprint
    required: bool = False
    unless: str = ""  # the attribute that stands in for it, where it is given
    spellings: Sequence[str] = ()  # others that mean the same
    per_stage: bool = False  # may be {"dev": …, "staging": …, "prod": …} with several accounts
    is_document: bool = False  # an object, or its JSON text
    is_asset: bool = False  # a key in the assets bucket, which each stage's account gets a copy of
    prepare: Callable[[str], str] = str
    not_offered: str = ""  # why a value, other than an empty one, is refused


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with an attribute."""

    attribute: str
    text: str

    def __str__(self) -> str:
        return f"{self.attribute}: {self.text}"


class PipelineType(ABC):
    """One `pipeline_type`."""

    name: str
    postfix: str  # of its stacks' names
    blueprint: str  # the file's name
    attributes: Sequence[Attribute]
    #: Resources that an attribute names, by logical id.
    named_by: Mapping[str, str]
    #: The attribute that its stacks are named after.
    named_after = "model_name"
    #: What its blueprint declares beside the resources of all stacks.
    own_types: Mapping[str, DeclaredType] = MappingProxyType({})

    @cached_property
    def text(self) -> str:
        """The blueprint as it is written."""
        folder = resources.files("modelyard.orchestrator.blueprints")
        return (folder / self.blueprint).read_text(encoding="utf-8")

    @cached_property
    def source(self) -> dict[str, Any]:
        """The blueprint as plain data."""
        return read_yaml(self.text)

    def required_too(self, given: Mapping[str, Any]) -> Sequence[str]:
        """Return the attributes that others make necessary.

        Args:
            given: the body by attribute, as it came.

        Raises:
            BadRequest: one of them makes no sense, so that no more can be said.
        """
        return []

    @abstractmethod
    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        """Return the parameters that are made, beside those that are an attribute's value.

        Args:
            values: by attribute, those that are given and can be read.
            problems: gets what is wrong with them.
        """

    @abstractmethod
    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        """Add to `problems` what else is wrong.

        Args:
            values: by attribute, those that are given and are right each for itself.
        """


def without_slash(text: str) -> str:
    """Return `text` without one slash at its end."""
    return text.removesuffix("/")


def add_problems(
    values: Mapping[str, str],
    checks: Mapping[str, Callable[[str], str | None]],
    problems: list[Problem],
) -> None:
    """Add what the checks, by attribute, find wrong with values that are given and not empty."""
    for attribute, check in checks.items():
        value = values.get(attribute)
        text = check(value) if value else None
        if text is not None:
            problems.append(Problem(attribute=attribute, text=text))


def image_uri(values: Mapping[str, str], place: Place, problems: list[Problem]) -> dict[str, str]:
    """Return the parameter ImageUri, where framework and version are given and offered."""
    framework, version = values.get("model_framework"), values.get("model_framework_version")
    if framework is None or version is None:
        return {}
    try:
        return {"ImageUri": place.retrieve_image(framework, version, place.region)}
    except ValueError as error:
        problems.append(Problem(attribute="model_framework", text=str(error)))
        return {}


KMS_KEY_ARN = Attribute(name="kms_key_arn", parameter="KmsKeyArn", per_stage=True)
