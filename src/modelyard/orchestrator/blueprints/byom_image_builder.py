"""`byom_image_builder`: a container image, built of an archive with a Dockerfile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from modelyard.orchestrator.blueprints._base import (
    Attribute,
    PipelineType,
    Place,
    Problem,
    add_problems,
)
from modelyard.orchestrator.stacks.template import DeclaredType

#: What its one resource is called in its own stack.
PIPELINE_TYPE = "AWS::CodePipeline::Pipeline"


@dataclass(frozen=True)
class _Pipeline:
    """The pipeline itself, as its blueprint declares it."""

    properties: Collection[str] = ("Source", "Repository", "Tag")
    attributes: Collection[str] = ()


class ByomImageBuilder(PipelineType):
    name = "byom_image_builder"
    postfix = "byompipelineimagebuilder"
    blueprint = "byom_custom_algorithm_image_builder.yaml"
    named_by: Mapping[str, str] = {}
    named_after = "image_tag"
    own_types: Mapping[str, DeclaredType] = MappingProxyType({PIPELINE_TYPE: _Pipeline()})
    attributes = (
        Attribute(name="custom_algorithm_docker", parameter="CustomContainer", required=True),
        Attribute(name="ecr_repo_name", parameter="ECRRepoName", required=True, prepare=str.strip),
        Attribute(name="image_tag", parameter="ImageTag", required=True, prepare=str.strip),
    )

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        return {"AssetsBucket": place.assets.bucket}

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        def repository_problem(name: str) -> str | None:
            wanted = place.image_repository
            if wanted in ("", name):
                return None
            return f"{name!r} is not {wanted}, which this server builds images into: name that one"

        checks = {
            "custom_algorithm_docker": place.assets.object_problem,
            "ecr_repo_name": repository_problem,
        }
        add_problems(values, checks, problems)
