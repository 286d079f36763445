"""`byom_realtime_custom`: a model in a container image of one's own behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.orchestrator.blueprints._base import Place, Problem
from modelyard.orchestrator.blueprints._custom import IMAGE, check_image, with_image
from modelyard.orchestrator.blueprints._inference_instance import stand_in
from modelyard.orchestrator.blueprints.byom_realtime_builtin import ByomRealtimeBuiltin


class ByomRealtimeCustom(ByomRealtimeBuiltin):
    name = "byom_realtime_custom"
    postfix = "byompipelinerealtimecustom"
    own_model = (IMAGE, "model_artifact_location")
    attributes = with_image(ByomRealtimeBuiltin.attributes)

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        return {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
            **stand_in(values, self.instances),
        }

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        check_image(values, place, problems)
        super().find_problems(values, place, problems)
