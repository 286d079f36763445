"""A model card as it is written with the sagemaker SDK v2. Run in that SDK's own environment.

It knows the server only by the exported variables. It prints one JSON line for the test to read.
"""

import json
import os
import sys
import warnings

import sagemaker
from sagemaker.model_card import (
    AdditionalInformation,
    EvaluationJob,
    IntendedUses,
    Metric,
    MetricGroup,
    MetricTypeEnum,
    ModelCard,
    ModelCardStatusEnum,
    ModelOverview,
    RiskRatingEnum,
    TrainingDetails,
)
from sagemaker.model_card.model_card import ModelCardExportJob

warnings.simplefilter("ignore")
ModelCardExportJob.EXPORT_JOB_POLLING_FREQUENCY = 0.2
job, prefix = sys.argv[1:3]
bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
session = sagemaker.Session(default_bucket=bucket)

evaluation = EvaluationJob(name="held-out rows")
group = MetricGroup(name="quality")
group.add_metric(Metric(name="auc", type=MetricTypeEnum.NUMBER, value=0.91234))
group.add_metric(
    Metric(
        name="roc",
        type=MetricTypeEnum.LINEAR_GRAPH,
        value=[[0, 0], [0.1, 0.8], [1, 1]],
        x_axis_name="false_positive_rates",
        y_axis_name="true_positive_rates",
    )
)
evaluation.metric_groups.append(group)
card = ModelCard(
    name=f"{prefix}-card",
    status=ModelCardStatusEnum.DRAFT,
    model_overview=ModelOverview(model_name="by the SDK", problem_type="Binary Classification"),
    training_details=TrainingDetails.from_training_job_name(job, sagemaker_session=session),
    intended_uses=IntendedUses(purpose_of_model="To show.", risk_rating=RiskRatingEnum.LOW),
    evaluation_details=[evaluation],
    sagemaker_session=session,
)
arn = card.create()

loaded = ModelCard.load(f"{prefix}-card", sagemaker_session=session)
loaded.update(
    additional_information=AdditionalInformation(caveats_and_recommendations="Handle with care.")
)
loaded.update(status=ModelCardStatusEnum.PENDING_REVIEW)
again = ModelCard.load(f"{prefix}-card", sagemaker_session=session)
unchanged = again.update()
first = ModelCard.load(f"{prefix}-card", version=1, sagemaker_session=session)
uri = again.export_pdf(f"s3://{bucket}/sdk-exports")
missing = None
try:
    TrainingDetails.from_training_job_name("no-such-job", sagemaker_session=session)
except ValueError as error:
    missing = str(error)
versions = again.get_version_history()
exports = again.list_export_jobs()["ModelCardExportJobSummaries"]
metric = again.training_details.training_job_details.training_metrics[0]
status = again.status
again.delete()
print()
print(
    json.dumps(
        {
            "arn": arn,
            "version": again.version,
            "status": status,
            "caveats": again.additional_information.caveats_and_recommendations,
            "first_has_caveats": first.additional_information is not None,
            "unchanged": unchanged,
            "curve": again.evaluation_details[0].metric_groups[0].metric_data[1].value,
            "metric": [metric.name, metric.value],
            "versions": [version["ModelCardVersion"] for version in versions],
            "exports": [export["Status"] for export in exports],
            "uri": uri,
            "missing": missing,
        }
    )
)
