"""Run in the SDK v2's environment: AutoML.fit, best_candidate, deploy; then AutoMLV2.

    python sagemaker_v2_autopilot.py TRAIN_CSV TEST_CSV

TRAIN_CSV has a header and the column `salary`, TEST_CSV has neither. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import sagemaker
from sagemaker.automl.automl import AutoML
from sagemaker.automl.automlv2 import AutoMLDataChannel, AutoMLTabularConfig, AutoMLV2
from sagemaker.deserializers import CSVDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
KEYS = ["predicted_label", "probability"]


def main(train: str, test: str) -> None:
    """Search, deploy the best, ask it."""
    session = sagemaker.Session(default_bucket=os.environ["MODELYARD_ASSETS_BUCKET"])
    data = session.upload_data(train, key_prefix="automl/census")
    auto = AutoML(
        role=ROLE,
        target_attribute_name="salary",
        problem_type="BinaryClassification",
        job_objective={"MetricName": "AUC"},
        max_candidates=3,
        base_job_name="census",
        sagemaker_session=session,
        tags=[{"Key": "team", "Value": "blue"}],
    )
    auto.fit(inputs=data, wait=True, logs=False)
    best = auto.best_candidate()
    candidates = auto.list_candidates(sort_by="FinalObjectiveMetricValue", sort_order="Descending")
    predictor = auto.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name="census",
        predictor_cls=Predictor,
        inference_response_keys=KEYS,
        serializer=CSVSerializer(),
        deserializer=CSVDeserializer(),
        wait=False,  # which looks every half a minute
    )
    while session.describe_endpoint("census")["EndpointStatus"] == "Creating":
        time.sleep(0.5)
    answer = predictor.predict(Path(test).read_text())
    predictor.delete_endpoint()
    attached = AutoML.attach(auto.current_job_name, sagemaker_session=session)
    print(
        json.dumps(
            {
                "best": best["CandidateName"],
                "objective": best["FinalAutoMLJobObjectiveMetric"],
                "names": [candidate["CandidateName"] for candidate in candidates],
                "steps": [step["CandidateStepType"] for step in best["CandidateSteps"]],
                "answer": answer,
                "attached": attached.best_candidate()["CandidateName"],
                "tags": session.sagemaker_client.list_tags(
                    ResourceArn=auto.describe_auto_ml_job()["AutoMLJobArn"]
                )["Tags"],
                "second": second(session, data),
            }
        )
    )


def second(session: Any, data: str) -> dict[str, Any]:
    """Have the definitions of candidates written by the second form of the API."""
    auto = AutoMLV2(
        problem_config=AutoMLTabularConfig(
            target_attribute_name="salary", generate_candidate_definitions_only=True
        ),
        base_job_name="definitions",
        role=ROLE,
        sagemaker_session=session,
    )
    channel = AutoMLDataChannel(s3_data_type="S3Prefix", s3_uri=data, channel_type="training")
    auto.fit(inputs=[channel], wait=False, logs=False)
    job = auto.describe_auto_ml_job()
    while job["AutoMLJobStatus"] == "InProgress":
        time.sleep(0.5)
        job = auto.describe_auto_ml_job()
    return {
        "status": job["AutoMLJobStatus"],
        "secondary": job["AutoMLJobSecondaryStatus"],
        "artifacts": job["AutoMLJobArtifacts"],
        "resolved": job["ResolvedAttributes"],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
