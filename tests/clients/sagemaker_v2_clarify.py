"""Run in the SDK v2's environment: a model, asked by Clarify's processor and by two monitors.

    python sagemaker_v2_clarify.py CENSUS_CSV

The census has the label first, numbers only, and a header. Prints one line of JSON at its end.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import sagemaker
from sagemaker.clarify import (
    BiasConfig,
    DataConfig,
    ModelConfig,
    ModelPredictedLabelConfig,
    PDPConfig,
    SageMakerClarifyProcessor,
    SHAPConfig,
)
from sagemaker.estimator import Estimator
from sagemaker.image_uris import retrieve
from sagemaker.inputs import TrainingInput
from sagemaker.model_monitor import ModelBiasMonitor, ModelExplainabilityMonitor
from sagemaker.s3 import S3Downloader, S3Uploader

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
MODEL = "Census-Income"
ON = {"instance_count": 1, "instance_type": "ml.m5.large"}


class Census:
    """The data, the model, and how both are described to the SDK."""

    def __init__(self, session: sagemaker.Session, bucket: str, data: str) -> None:
        self.session, self.bucket = session, bucket
        with Path(data).open(encoding="utf-8", newline="") as file:
            self.headers, *self.rows = csv.reader(file)
        body = "\n".join(",".join(row) for row in self.rows)
        self.data = self._put("data/census.csv", body)
        first = ",".join(self.rows[0][1:])
        self.baseline = self._put("given/baseline.csv", f"{first}\n")
        # Clarify's model is looked up whatever the case of its name.
        self.model = ModelConfig(
            model_name=MODEL.lower(), **ON, accept_type="text/csv", content_type="text/csv"
        )
        self.predicted = ModelPredictedLabelConfig(probability_threshold=0.4)
        self.bias = BiasConfig(
            label_values_or_threshold=[1], facet_name="sex", facet_values_or_threshold=[0]
        )

    def train(self) -> None:
        """Fit XGBoost on the rows, and make a model of it."""
        estimator = Estimator(
            retrieve("xgboost", "us-east-1", "1.7-1"),
            ROLE,
            **ON,
            output_path=f"s3://{self.bucket}/trained",
            sagemaker_session=self.session,
            hyperparameters={"objective": "binary:logistic", "num_round": 20, "max_depth": 4},
        )
        train = TrainingInput(self.data, content_type="text/csv")
        estimator.fit({"train": train}, logs=False)
        estimator.create_model(name=MODEL).create(instance_type="ml.m5.large")

    def at(self, name: str) -> DataConfig:
        """Return the data's description, with an output of its own."""
        return DataConfig(
            s3_data_input_path=self.data,
            s3_output_path=f"s3://{self.bucket}/{name}",
            label=self.headers[0],
            headers=self.headers,
            dataset_type="text/csv",
        )

    def files(self, name: str) -> list[str]:
        """Return the names of an output's files."""
        prefix = f"s3://{self.bucket}/{name}/"
        found = S3Downloader.list(prefix, self.session)
        return sorted(uri.removeprefix(prefix) for uri in found)

    def read(self, name: str) -> str:
        """Return a file of an output."""
        return str(S3Downloader.read_file(f"s3://{self.bucket}/{name}", self.session))

    def _put(self, key: str, body: str) -> str:
        uri = f"s3://{self.bucket}/clarify/{key}"
        S3Uploader.upload_string_as_file_body(body, uri, sagemaker_session=self.session)
        return uri


def main(data: str) -> None:
    """Ask the model in every way that the SDK offers."""
    bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
    session = sagemaker.Session(default_bucket=bucket)
    census = Census(session, bucket, data)
    census.train()
    jobs, baselines = processed(census), monitored(census)
    for job in (*jobs, *baselines.values()):
        job.wait(logs=False)
    suggested = {name: job.suggested_constraints().body_dict for name, job in baselines.items()}
    print()  # the SDK ends its dots without a line end
    print(json.dumps({**told(census), "suggested": suggested}))


def processed(census: Census) -> list[Any]:
    """Start the processor's three kinds of job."""
    given = {"role": ROLE, **ON, "sagemaker_session": census.session}
    quiet = {"wait": False, "logs": False}
    bias, explained, both = (SageMakerClarifyProcessor(**given) for _ in range(3))
    bias.run_bias(
        census.at("bias"), census.bias, census.model, census.predicted, job_name="bias", **quiet
    )
    shap = SHAPConfig(baseline=census.baseline, num_samples=200, agg_method="mean_abs", seed=7)
    curves = PDPConfig(features=["age"], grid_resolution=5)
    explained.run_explainability(
        census.at("explained"), census.model, [shap, curves], job_name="explained", **quiet
    )
    both.run_bias_and_explainability(
        census.at("both"),
        census.model,
        SHAPConfig(agg_method="mean_abs", use_logit=True),
        census.bias,
        model_predicted_label_config=census.predicted,
        job_name="both",
        **quiet,
    )
    return [processor.latest_job for processor in (bias, explained, both)]


def monitored(census: Census) -> dict[str, Any]:
    """Start the baselines of two monitors."""
    given = {"role": ROLE, **ON, "sagemaker_session": census.session}
    bias, explained = ModelBiasMonitor(**given), ModelExplainabilityMonitor(**given)
    bias.suggest_baseline(census.at("bias-baseline"), census.bias, census.model, census.predicted)
    explained.suggest_baseline(
        census.at("explained-baseline"),
        SHAPConfig(
            baseline=[[float(cell) for cell in census.rows[0][1:]]],
            num_samples=100,
            agg_method="mean_abs",
        ),
        census.model,
    )
    return {"bias": bias.latest_baselining_job, "explained": explained.latest_baselining_job}


def told(census: Census) -> dict[str, Any]:
    """Return what came of it."""
    names = ("bias", "explained", "both")
    local = census.read("explained/explanations_shap/out.csv").splitlines()
    return {
        "files": {name: census.files(name) for name in names},
        "analyses": {name: json.loads(census.read(f"{name}/analysis.json")) for name in names},
        "local": {"header": local[0], "rows": len(local) - 1},
        "baseline": census.read("explained/explanations_shap/baseline.csv"),
        "first": census.rows[0][1:],
    }


if __name__ == "__main__":
    main(sys.argv[1])
