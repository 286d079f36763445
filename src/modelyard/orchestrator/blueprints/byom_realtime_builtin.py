"""`byom_realtime_builtin`: a model of a built-in algorithm behind an endpoint."""

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
from modelyard.orchestrator.blueprints._inference_instance import (
    INFERENCE_INSTANCE,
    OF_ENDPOINTS,
    stand_in,
    stand_in_remarks,
)
from modelyard.orchestrator.blueprints._integration_tests import (
    INTEGRATION_TESTS,
    add_test_problems,
)
from modelyard.orchestrator.blueprints._registered_model import (
    MODEL_FRAMEWORK,
    MODEL_FRAMEWORK_VERSION,
    MODEL_PACKAGE_NAME,
    OWN_MODEL,
    PACKAGE,
    check_model,
)


class ByomRealtimeBuiltin(PipelineType):
    name = "byom_realtime_builtin"
    postfix = "byompipelinerealtimebuiltin"
    blueprint = "byom_realtime_inference_pipeline.yaml"
    named_by: Mapping[str, str] = {"MLOpsSagemakerEndpoint": "endpoint_name"}
    own_model: Sequence[str] = OWN_MODEL
    instances: Mapping[str, str] = OF_ENDPOINTS  # in place of what is for jobs only
    attributes: Sequence[Attribute] = (
        Attribute(name="model_name", parameter="ModelName", required=True, prepare=str.strip),
        INFERENCE_INSTANCE,
        MODEL_FRAMEWORK,
        MODEL_FRAMEWORK_VERSION,
        Attribute(
            name="model_artifact_location",
            parameter="ModelArtifactLocation",
            required=True,
            unless=PACKAGE,
            is_asset=True,
        ),
        MODEL_PACKAGE_NAME,
        Attribute(
            name="data_capture_location",
            parameter="DataCaptureLocation",
            required=True,
            per_stage=True,
            prepare=without_slash,
        ),
        Attribute(
            name="endpoint_name",
            parameter="EndpointName",
            per_stage=True,
            prepare=lambda text: text.lower().strip(),
        ),
        KMS_KEY_ARN,
        *INTEGRATION_TESTS,
    )

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        return {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
            **stand_in(values, self.instances),
            **({} if values.get(PACKAGE) else image_uri(values, place, problems)),
        }

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        check_model(values, problems, self.own_model)
        checks = {
            "model_artifact_location": place.assets.object_problem,
            "data_capture_location": place.assets.bucket_problem,
        }
        add_problems(values, checks, problems)
        add_test_problems(values, place, problems)

    def remarks(self, values: Mapping[str, str]) -> Sequence[str]:
        return stand_in_remarks(values, self.instances)
