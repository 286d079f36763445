"""`model_autopilot_training`: a job that searches for a model of a table."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.images.autopilot.problem_types import METRICS, objective_problem
from modelyard.orchestrator.blueprints._base import (
    KMS_KEY_ARN,
    Attribute,
    PipelineType,
    Place,
    Problem,
    add_problems,
    without_slash,
)
from modelyard.orchestrator.blueprints._training import job_name

_JOB_NAME_LIMIT = 32


class ModelAutopilotTraining(PipelineType):
    name = "model_autopilot_training"
    postfix = "autopilottraining"
    blueprint = "autopilot_training_pipeline.yaml"
    named_by: Mapping[str, str] = {"AutopilotJob": "job_name"}
    attributes = (
        Attribute(name="model_name", parameter="ModelName", required=True, prepare=str.strip),
        Attribute(
            name="training_data", parameter="TrainingData", required=True, prepare=without_slash
        ),
        Attribute(
            name="job_output_location",
            parameter="JobOutputLocation",
            required=True,
            prepare=without_slash,
        ),
        Attribute(name="target_attribute", parameter="TargetAttribute", required=True),
        Attribute(name="job_name", parameter="JobName", prepare=str.strip),
        Attribute(name="problem_type", parameter="ProblemType", prepare=str.strip),
        Attribute(name="job_objective", parameter="JobObjective", prepare=str.strip),
        Attribute(name="compression_type", parameter="CompressionType"),
        Attribute(name="job_max_candidates", parameter="MaxCandidates"),
        Attribute(name="encrypt_inner_traffic", parameter="EncryptInnerTraffic"),
        Attribute(name="max_runtime_per_job", parameter="MaxRuntimePerJob"),
        Attribute(name="total_max_runtime", parameter="TotalMaxRuntime"),
        Attribute(name="generate_definition_only", parameter="GenerateDefinitionsOnly"),
        KMS_KEY_ARN,
    )

    def parameters(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> dict[str, str]:
        made = {
            "AssetsBucket": place.assets.bucket,
            "ExecutionRoleArn": place.execution_role_arn,
        }
        if "job_name" not in values and "model_name" in values:
            made["JobName"] = job_name(f"{values['model_name']}-autopilot", _JOB_NAME_LIMIT)
        return made

    def find_problems(
        self, values: Mapping[str, str], place: Place, problems: list[Problem]
    ) -> None:
        _add_objective_problems(values, problems)
        checks = {
            "training_data": place.assets.prefix_problem,
            "job_output_location": place.assets.place_problem,
        }
        add_problems(values, checks, problems)


def _add_objective_problems(values: Mapping[str, str], problems: list[Problem]) -> None:
    """Add what is wrong with problem type and objective, which are given together or not at all."""
    kind, objective = values.get("problem_type", ""), values.get("job_objective", "")
    if kind and not objective:
        text = "must be given too, since problem_type is: give both of them, or neither"
        problems.append(Problem(attribute="job_objective", text=text))
    elif objective and not kind:
        text = "must be given too, since job_objective is: give both of them, or neither"
        problems.append(Problem(attribute="problem_type", text=text))
    elif kind in METRICS:
        problem = objective_problem(objective, kind)
        if problem is not None:
            problems.append(Problem(attribute="job_objective", text=problem))
