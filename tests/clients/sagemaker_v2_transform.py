"""Run in the SDK v2's environment: an estimator's model put over files, in several ways.

    python sagemaker_v2_transform.py TRAIN_CSV ROWS_CSV

ROWS_CSV has an identifier in its first column. Prints one line of JSON at its end.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.transformer import Transformer

ROLE = "arn:aws:iam::123456789012:role/modelyard-execution"
BUCKET = os.environ["MODELYARD_ASSETS_BUCKET"]


def fetched(uri: str) -> dict[str, str]:
    """Return the objects below a prefix, by what follows it."""
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    s3 = boto3.client("s3")
    return {
        entry["Key"][len(prefix) + 1 :]: s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"]
        .read()
        .decode()
        for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    }


def main(train: str, rows: str) -> None:
    """Fit, transform, look."""
    session = sagemaker.Session(default_bucket=BUCKET)
    estimator = Estimator(
        sagemaker.image_uris.retrieve("xgboost", "us-east-1", "1.7-1"),
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        base_job_name="sdk-v2-transform",
        hyperparameters={"objective": "binary:logistic", "num_round": "30"},
    )
    uri = session.upload_data(train, key_prefix="sdk-transform/train")
    estimator.fit({"train": TrainingInput(uri, content_type="text/csv")}, logs=False)
    bare = "\n".join(line.partition(",")[2] for line in Path(rows).read_text().splitlines())
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key="sdk-transform/bare/rows.csv", Body=bare)
    s3.put_object(Bucket=BUCKET, Key="sdk-transform/deep/a/b/rows.csv", Body=bare)
    s3.put_object(
        Bucket=BUCKET, Key="sdk-transform/packed/rows.csv.gz", Body=gzip.compress(bare.encode())
    )
    s3.put_object(Bucket=BUCKET, Key="sdk-transform/named/rows.csv", Body=Path(rows).read_text())

    def run(source: str, transformer: dict[str, Any], **job: Any) -> dict[str, str]:
        made: Transformer = estimator.transformer(
            instance_count=1, instance_type="ml.m5.large", **transformer
        )
        made.transform(
            f"s3://{BUCKET}/sdk-transform/{source}",
            content_type="text/csv",
            split_type="Line",
            **job,
        )
        return fetched(made.output_path)

    plain = run("bare/", {"assemble_with": "Line"}, logs=True)
    deep = run("deep/", {"assemble_with": "Line", "strategy": "MultiRecord"}, logs=False)
    packed = run("packed/", {"assemble_with": "Line"}, compression_type="Gzip", logs=False)
    joined = run(
        "named/",
        {"assemble_with": "Line", "accept": "text/csv"},
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        logs=False,
    )
    attached = Transformer.attach(
        boto3.client("sagemaker").list_transform_jobs(SortBy="CreationTime")[
            "TransformJobSummaries"
        ][0]["TransformJobName"],
        session,
    )
    print()
    print(
        json.dumps(
            {
                "plain": plain,
                "deep": deep,
                "packed": packed,
                "joined": joined,
                "attached": attached.assemble_with,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
