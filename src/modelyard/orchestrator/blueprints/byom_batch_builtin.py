"""`byom_batch_builtin`: a model of a built-in algorithm, put over a file or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelyard.orchestrator.blueprints._base import (
    KMS_KEY_ARN,
    Attribute,
    PipelineType,
    Place,
    Problem,
    add_problems,
    image_uri,
    without_slash,
)

_PACKAGE = "model_package_name"


class ByomBatchBuiltin(PipelineType):
    name = "byom_batch_builtin"
    postfix = "byompipelinebatchbuiltin"
    blueprint = "byom_batch_pipeline.yaml"
    named_by: Mapping[str, str] = {}
    #: What a registered model brings along.
    own_model: Sequence[str] = (
        "model_framework",
        "model_framework_version",
        "model_artifact_location",
    )
    attributes: Sequence[Attribute] = (
        Attribute(name="model_name", parameter="ModelName", required=True, prepare=str.strip),
        Attribute(
            name="inference_instance", parameter="InferenceInstance", required=True, per_stage=True
        ),
        Attribute(name="model_framework", required=True, unless=_PACKAGE, prepare=str.strip),
        Attribute(
            name="model_framework_version", required=True, unless=_PACKAGE, prepare=str.strip
        ),
        Attribute(
            name="model_artifact_location",
            parameter="ModelArtifactLocation",
            required=True,
            unless=_PACKAGE,
        ),
        Attribute(
            name="batch_inference_data",
            parameter="BatchInferenceData",
            required=True,
            per_stage=True,
        ),
        Attribute(
            name="batch_job_output_location",
            parameter="BatchJobOutputLocation",
            required=True,
            per_stage=True,
            prepare=without_slash,
        ),
        Attribute(name=_PACKAGE, parameter="ModelPackageName", prepare=str.strip),
        KMS_KEY_ARN,
    )

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        return {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
            **({} if values.get(_PACKAGE) else image_uri(values, place, problems)),
        }

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        _check_model(values, self.own_model, problems)
        checks = {
            "model_artifact_location": place.assets.object_problem,
            "batch_inference_data": place.assets.data_problem,
            "batch_job_output_location": place.assets.bucket_problem,
        }
        add_problems(values, checks, problems)


def _check_model(values: Mapping[str, str], own: Sequence[str], problems: list[Problem]) -> None:
    """The model is registered, or it is given; not both, and not neither."""
    given = [name for name in own if values.get(name)]
    if values.get(_PACKAGE) and given:
        text = f"a registered model has its own: leave {' and '.join(given)} out, or leave this out"
        problems.append(Problem(attribute=_PACKAGE, text=text))
    elif _PACKAGE in values and not values[_PACKAGE] and len(given) < len(own):
        text = f"is empty: give a model package's ARN, or all of {', '.join(own)}"
        problems.append(Problem(attribute=_PACKAGE, text=text))
