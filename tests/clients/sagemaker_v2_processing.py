"""Run in the SDK v2's environment: a scikit-learn script as a processing job, then its report.

    python sagemaker_v2_processing.py DATA_CSV

Prints one line of JSON at its end.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3
import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"

PREPROCESS = """
import argparse, json, pathlib
import pandas
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--test-share", type=float)
arguments = parser.parse_args()
base = pathlib.Path("/opt/ml/processing")
[source] = base.joinpath("input", "raw").iterdir()
frame = pandas.read_csv(source, header=None)
train, test = train_test_split(frame, test_size=arguments.test_share, random_state=0)
scaler = StandardScaler().fit(train.iloc[:, 1:])
for name, part in {"train": train, "test": test}.items():
    scaled = pandas.DataFrame(scaler.transform(part.iloc[:, 1:]), index=part.index)
    scaled.insert(0, "label", part.iloc[:, 0])
    scaled.to_csv(base / name / f"{name}.csv", header=False, index=False)
base.joinpath("report", "report.json").write_text(json.dumps({"rows": len(frame)}))
print("split", len(train), len(test))
"""


def main(data: str) -> None:
    """Upload, process, look."""
    bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
    session = sagemaker.Session(default_bucket=bucket)
    script = Path("preprocess.py")
    script.write_text(PREPROCESS)
    processor = SKLearnProcessor(
        framework_version="1.2-1",
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    processor.run(
        code=str(script),
        inputs=[ProcessingInput(source=data, destination="/opt/ml/processing/input/raw")],
        outputs=[
            ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
            for name in ("train", "test", "report")
        ],
        arguments=["--test-share", "0.25"],
    )
    job = processor.latest_job
    found = {output.output_name: output.destination for output in job.outputs}
    files = {}
    for name, uri in found.items():
        where, _, prefix = uri.removeprefix("s3://").partition("/")
        listed = boto3.client("s3").list_objects_v2(Bucket=where, Prefix=prefix)["Contents"]
        for entry in listed:
            body = boto3.client("s3").get_object(Bucket=where, Key=entry["Key"])["Body"]
            files[name] = body.read().decode()
    print(
        json.dumps(
            {
                "status": job.describe()["ProcessingJobStatus"],
                "train_rows": len(files["train"].splitlines()),
                "test_rows": len(files["test"].splitlines()),
                "report": json.loads(files["report"]),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
