"""Run in the SDK v2's environment: scripts that are brought along, trained and served.

    python sagemaker_v2_script_mode.py TRAIN_CSV TEST_CSV

Prints one line of JSON at its end.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import numpy as np
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.sklearn.model import SKLearnModel
from sagemaker.xgboost.estimator import XGBoost

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"

SKLEARN = """
import argparse, json, os
import joblib, pandas
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from labels import label_of

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float)
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    arguments = parser.parse_args()
    [name] = os.listdir(arguments.train)
    frame = pandas.read_csv(os.path.join(arguments.train, name), header=None)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=arguments.strength, max_iter=1000))
    model.fit(frame.iloc[:, 1:].to_numpy(), label_of(frame))
    joblib.dump(model, os.path.join(arguments.model_dir, "model.joblib"))
    print("fitted with", json.loads(os.environ["SM_HPS"]), os.environ["SM_CURRENT_HOST"])
"""

LABELS = """
def label_of(frame):
    return frame.iloc[:, 0].astype(int)
"""

INFERENCE = """
import os
import joblib, numpy

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

def input_fn(body, content_type):
    if content_type != "text/csv":
        raise ValueError(f"only text/csv, not {content_type}")
    return numpy.loadtxt(body.splitlines(), delimiter=",", ndmin=2)

def predict_fn(data, model):
    print("asked for", len(data))
    return model.predict_proba(data)[:, 1]

def output_fn(prediction, accept):
    return ",".join(f"{p:.6f}" for p in prediction), "text/csv"
"""

XGBOOST = """
import argparse, os
import numpy, xgboost

def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(model_dir, "model.ubj"))
    return booster

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int)
    parser.add_argument("--max_depth", type=int)
    arguments = parser.parse_args()
    folder = os.environ["SM_CHANNEL_TRAIN"]
    rows = numpy.loadtxt(os.path.join(folder, os.listdir(folder)[0]), delimiter=",")
    booster = xgboost.train(
        {"max_depth": arguments.max_depth, "objective": "binary:logistic"},
        xgboost.DMatrix(rows[:, 1:], rows[:, 0]),
        arguments.num_round,
    )
    booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "model.ubj"))
"""


def finished(estimator: Any) -> dict[str, Any]:
    """Wait for a job as the SDK would, but look more often than every ten seconds."""
    client = boto3.client("sagemaker")
    while True:
        found = client.describe_training_job(TrainingJobName=estimator.latest_training_job.name)
        if found["TrainingJobStatus"] != "InProgress":
            return {**found}
        time.sleep(0.2)


def transformed(transformer: Any) -> None:
    """Wait for a transform job as the SDK would, but look more often than every ten seconds."""
    client = boto3.client("sagemaker")
    while True:
        found = client.describe_transform_job(
            TransformJobName=transformer.latest_transform_job.name
        )
        if found["TransformJobStatus"] != "InProgress":
            assert found["TransformJobStatus"] == "Completed", found
            return
        time.sleep(0.2)


def in_service(predictor: Any) -> None:
    """Wait for an endpoint as the SDK would, but look more often than every half a minute."""
    client = boto3.client("sagemaker")
    while True:
        found = client.describe_endpoint(EndpointName=predictor.endpoint_name)
        if found["EndpointStatus"] != "Creating":
            assert found["EndpointStatus"] == "InService", found
            return
        time.sleep(0.2)


def main(train: str, test: str) -> None:
    """Train, deploy, ask."""
    source = Path("source")
    source.mkdir()
    (source / "train.py").write_text(SKLEARN)
    (source / "labels.py").write_text(LABELS)
    (source / "inference.py").write_text(INFERENCE)
    (source / "boost.py").write_text(XGBOOST)
    (source / "broken.py").write_text(
        "import sys\nprint('to', 'whom')\nraise KeyError('missing')\n"
    )
    rows = np.loadtxt(test, delimiter=",")
    if rows.shape[1] > 30:
        rows = rows[:, 1:]
    session = sagemaker.Session(default_bucket=os.environ["MODELYARD_ASSETS_BUCKET"])
    data = TrainingInput(session.upload_data(train, key_prefix="script-mode"))
    said: dict[str, Any] = {}

    common = {
        "role": ROLE,
        "instance_type": "ml.m5.large",
        "instance_count": 1,
        "sagemaker_session": session,
        "source_dir": str(source),
    }
    estimator = SKLearn(
        entry_point="train.py",
        framework_version="1.2-1",
        hyperparameters={"strength": 0.5},
        **common,
    )
    estimator.fit({"train": data})
    predictor = estimator.deploy(1, "ml.m5.large", endpoint_name="script-sklearn", wait=False)
    in_service(predictor)
    said["labels"] = np.asarray(predictor.predict(rows)).tolist()

    model = SKLearnModel(
        model_data=estimator.model_data,
        role=ROLE,
        entry_point="inference.py",
        source_dir=str(source),
        framework_version="1.2-1",
        sagemaker_session=session,
    )
    own = model.deploy(
        1,
        "ml.m5.large",
        endpoint_name="script-own",
        serializer=CSVSerializer(),
        deserializer=CSVDeserializer(),
        wait=False,
    )
    in_service(own)
    said["scores"] = [float(value) for value in own.predict(rows)[0]]
    try:
        own.predict("1,2,3")
    except botocore.exceptions.ClientError as error:
        said["error"] = error.response["Error"]["Code"]
        response: dict[str, Any] = {**error.response}
        said["status"] = response["OriginalStatusCode"]
        said["message"] = response["OriginalMessage"]

    transformer = model.transformer(1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line")
    lines = session.upload_string_as_file_body(
        "\n".join(",".join(map(str, row)) for row in rows) + "\n",
        bucket=os.environ["MODELYARD_ASSETS_BUCKET"],
        key="script-mode/rows.csv",
    )
    transformer.transform(lines, content_type="text/csv", split_type="Line", wait=False)
    transformed(transformer)
    written = sagemaker.s3.S3Downloader.read_file(
        f"{transformer.output_path}/rows.csv.out", sagemaker_session=session
    )
    said["transformed"] = [float(value) for value in written.replace("\n", ",").split(",") if value]

    booster = XGBoost(
        entry_point="boost.py",
        framework_version="1.7-1",
        hyperparameters={"num_round": 20, "max_depth": 3},
        **common,
    )
    booster.fit({"train": data}, wait=False)
    assert finished(booster)["TrainingJobStatus"] == "Completed"
    boosted = booster.deploy(
        1,
        "ml.m5.large",
        serializer=CSVSerializer(),
        deserializer=CSVDeserializer(),
        wait=False,
    )
    in_service(boosted)
    said["boosted"] = [float(value) for [value] in boosted.predict(rows)]
    boosted.delete_endpoint()

    broken = SKLearn(entry_point="broken.py", framework_version="1.2-1", **common)
    broken.fit(wait=False)
    said["failure"] = finished(broken)["FailureReason"]
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
