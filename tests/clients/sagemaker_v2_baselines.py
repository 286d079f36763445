"""Run in the SDK v2's environment: baselines of data quality and of bias, as processing jobs.

    python sagemaker_v2_baselines.py CENSUS_CSV

Prints one line of JSON at its end.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import sagemaker
from sagemaker.clarify import BiasConfig, DataConfig, SageMakerClarifyProcessor
from sagemaker.model_monitor import DefaultModelMonitor
from sagemaker.model_monitor.dataset_format import DatasetFormat
from sagemaker.s3 import S3Downloader

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"


def main(data: str) -> None:
    """Suggest a baseline, and look for bias ahead of training."""
    bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
    session = sagemaker.Session(default_bucket=bucket)
    monitor = DefaultModelMonitor(role=ROLE, instance_type="ml.m5.large", sagemaker_session=session)
    monitor.suggest_baseline(
        baseline_dataset=data,
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=f"s3://{bucket}/baseline",
        logs=False,
    )
    statistics = monitor.baseline_statistics().body_dict
    constraints = monitor.suggested_constraints().body_dict
    headers = Path(data).read_text(encoding="utf-8").split("\n", 1)[0].split(",")
    clarify = SageMakerClarifyProcessor(
        role=ROLE, instance_count=1, instance_type="ml.m5.large", sagemaker_session=session
    )
    output = f"s3://{bucket}/bias"
    clarify.run_pre_training_bias(
        data_config=DataConfig(
            s3_data_input_path=session.upload_data(data, bucket, "census"),
            s3_output_path=output,
            label="income",
            headers=headers,
            dataset_type="text/csv",
        ),
        data_bias_config=BiasConfig(
            label_values_or_threshold=[1], facet_name="sex", facet_values_or_threshold=["Female"]
        ),
        logs=False,
    )
    analysis = json.loads(S3Downloader.read_file(f"{output}/analysis.json", session))
    print()  # the SDK ends its dots without a line end
    print(
        json.dumps(
            {
                "rows": statistics["dataset"]["item_count"],
                "types": {one["name"]: one["inferred_type"] for one in constraints["features"]},
                "bias": analysis["pre_training_bias_metrics"]["facets"]["sex"],
                "files": sorted(S3Downloader.list(output, session)),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
