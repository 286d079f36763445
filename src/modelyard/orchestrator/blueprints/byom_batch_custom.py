"""`byom_batch_custom`: a model in a container image of one's own, put over a file or several."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.orchestrator.blueprints._base import Place, Problem
from modelyard.orchestrator.blueprints._custom import IMAGE, check_image, with_image
from modelyard.orchestrator.blueprints._inference_instance import stand_in
from modelyard.orchestrator.blueprints.byom_batch_builtin import ByomBatchBuiltin


class ByomBatchCustom(ByomBatchBuiltin):
    name = "byom_batch_custom"
    postfix = "byompipelinebatchcustom"
    own_model = (IMAGE, "model_artifact_location")
    attributes = with_image(ByomBatchBuiltin.attributes)

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
