"""The main job, end to end, on real data: upload, train, deploy, predict.

Run by `make demo`. It starts a server of its own on a fresh home, uses nothing but public doors
(S3, and the orchestrator's HTTP API), and leaves nothing running. Read it from the bottom up.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

HOME = Path(".demo/home")
STARTED = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", flush=True)


def start_server() -> subprocess.Popen[bytes]:
    """Start `modelyard up` on a fresh home, at a free port."""
    shutil.rmtree(HOME.parent, ignore_errors=True)
    HOME.mkdir(parents=True, mode=0o700)
    log = (HOME.parent / "server.log").open("wb")
    command = [sys.executable, "-m", "modelyard", "up", "--home", str(HOME)]
    return subprocess.Popen(
        [*command, "--port", "0", "--gateway-port", "0"], stdout=log, stderr=log
    )


def connect(server: subprocess.Popen[bytes]) -> dict[str, str]:
    """Return what `modelyard env` prints, once the server answers."""
    while True:
        if server.poll() is not None:
            sys.exit(f"the server ended: see {HOME.parent / 'server.log'}")
        printed = subprocess.run(
            [sys.executable, "-m", "modelyard", "env", "--home", str(HOME)],
            capture_output=True,
            text=True,
            check=False,
        )
        if printed.returncode == 0:
            exports = [line[7:] for line in printed.stdout.splitlines() if line[:7] == "export "]
            return dict(line.split("=", 1) for line in exports)
        time.sleep(0.2)


def post(env: dict[str, str], path: str, body: dict[str, Any]) -> Any:
    """Send one request of the orchestrator's API, as curl would."""
    request = urllib.request.Request(
        path if path.startswith("http") else env["MODELYARD_URL"] + path,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {env['MODELYARD_TOKEN']}"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: HTTP {error.code}: {error.read().decode()}")
    try:
        return json.loads(text)
    except ValueError:
        return text


def wait_for_pipeline(env: dict[str, str], pipeline_id: str) -> dict[str, Any]:
    """Return the pipeline's state once its stages have succeeded."""
    shown = ""
    while True:
        state = post(env, "/pipelinestatus", {"pipeline_id": pipeline_id})
        if isinstance(state, dict):
            stages = {
                stage["stageName"]: stage.get("latestExecution", {}).get("status", "waiting")
                for stage in state["stageStates"]
            }
            line = ", ".join(f"{name} {status}" for name, status in stages.items())
            if line != shown:
                say(f"  pipeline: {line}")
                shown = line
            if "Failed" in stages.values():
                sys.exit(json.dumps(state, indent=2))
            if set(stages.values()) == {"Succeeded"}:
                return dict(state)
        time.sleep(0.3)


def wait_for_training(sagemaker: Any, job: str) -> dict[str, Any]:
    """Return the description of a training job that has completed."""
    shown = ""
    while True:
        described = sagemaker.describe_training_job(TrainingJobName=job)
        if described["SecondaryStatus"] != shown:
            shown = described["SecondaryStatus"]
            say(f"  training job: {shown}")
        if described["TrainingJobStatus"] in ("Failed", "Stopped"):
            sys.exit(described.get("FailureReason", described["TrainingJobStatus"]))
        if described["TrainingJobStatus"] == "Completed":
            return dict(described)
        time.sleep(0.3)


def load_data() -> dict[str, Any]:
    """Return breast-cancer data (569 rows, 30 features), split: 70 % to train, 30 % held out."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    features, labels = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        features, labels, test_size=0.3, stratify=labels, random_state=7
    )
    return {"x_train": x_train, "x_test": x_test, "y_train": y_train, "y_test": y_test}


def csv_of(rows: Any) -> str:
    return "\n".join(",".join(repr(float(value)) for value in row) for row in rows)


def train(env: dict[str, str], sagemaker: Any) -> dict[str, Any]:
    """Train by POST /provisionpipeline, and return the finished job."""
    answer = post(
        env,
        "/provisionpipeline",
        {
            "pipeline_type": "model_training_builtin",
            "model_name": "tumours",
            "model_framework": "xgboost",
            "model_framework_version": "1.7-1",
            "training_data": "data/train.csv",
            "validation_data": "data/validation.csv",
            "job_output_location": "models",
            "algo_hyperparamaters": {
                "objective": "binary:logistic",
                "eval_metric": "auc",
                "num_round": 60,
                "max_depth": 4,
                "eta": 0.2,
            },
        },
    )
    say(f"  {answer['message']}")
    state = wait_for_pipeline(env, answer["pipeline_id"])
    return wait_for_training(sagemaker, state["stack"]["outputs"]["TrainingJobName"])


def deploy(env: dict[str, str], bucket: str, artifact: str) -> dict[str, Any]:
    """Deploy by POST /provisionpipeline, and return the stack's outputs."""
    answer = post(
        env,
        "/provisionpipeline",
        {
            "pipeline_type": "byom_realtime_builtin",
            "model_name": "tumours",
            "model_framework": "xgboost",
            "model_framework_version": "1.7-1",
            "model_artifact_location": artifact.removeprefix(f"s3://{bucket}/"),
            "inference_instance": "ml.m5.large",
            "data_capture_location": f"{bucket}/captured",
            "endpoint_name": "tumours",
        },
    )
    say(f"  {answer['message']}")
    outputs: dict[str, Any] = wait_for_pipeline(env, answer["pipeline_id"])["stack"]["outputs"]
    return outputs


def predict(env: dict[str, str], outputs: dict[str, Any], rows: Any) -> list[float]:
    """Send rows to the pipeline's own /inference; return the probability of class 1 of each."""
    url = next(value for key, value in outputs.items() if "RestApiEndpoint" in key) + "inference"
    answer = post(env, url, {"payload": csv_of(rows), "content_type": "text/csv"})
    text = answer if isinstance(answer, str) else str(answer)
    return [float(value) for value in text.replace(",", "\n").split()]


def run(server: subprocess.Popen[bytes]) -> None:
    say("loading scikit-learn's breast-cancer data while it starts")
    data = load_data()
    env = connect(server)
    say(f"the server answers at {env['MODELYARD_URL']}")
    os.environ.update(env)
    import boto3
    from sklearn.metrics import accuracy_score, roc_auc_score

    bucket = env["MODELYARD_ASSETS_BUCKET"]
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    train_rows = [[y, *x] for x, y in zip(data["x_train"], data["y_train"], strict=True)]
    s3.put_object(Bucket=bucket, Key="data/train.csv", Body=csv_of(train_rows[:320]))
    s3.put_object(Bucket=bucket, Key="data/validation.csv", Body=csv_of(train_rows[320:]))
    say(f"uploaded {len(train_rows)} labelled rows to s3://{bucket}/data")

    say("training XGBoost by POST /provisionpipeline")
    job = train(env, sagemaker)
    for metric in job.get("FinalMetricDataList", []):
        say(f"  {metric['MetricName']} {metric['Value']:.4f}")

    say("deploying it by POST /provisionpipeline")
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    outputs = deploy(env, bucket, artifact)

    say(f"sending {len(data['x_test'])} held-out rows to /inference")
    scores = predict(env, outputs, data["x_test"])
    accuracy = accuracy_score(data["y_test"], [score > 0.5 for score in scores])
    area = roc_auc_score(data["y_test"], scores)
    say(f"held-out accuracy {accuracy:.4f}, AUC {area:.4f}")
    row = HOME.parent / "row.csv"
    row.write_text(csv_of(data["x_test"][:1]))
    print(
        f"""
What it made:
  model      {artifact}
  job log    modelyard logs {job["TrainingJobName"]} --home {HOME}
  captured   s3://{bucket}/captured/tumours/AllTraffic/
  all files  {HOME.resolve()}

To go on, in one shell and another:
  .venv/bin/modelyard up --home {HOME}
  eval "$(.venv/bin/modelyard env --home {HOME})"
  .venv/bin/aws sagemaker list-endpoints
  .venv/bin/modelyard invoke tumours --home {HOME} --body @{row}
"""
    )


def main() -> None:
    say(f"starting a server on a fresh home, {HOME}")
    server = start_server()
    try:
        run(server)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
        say("the server has stopped")


if __name__ == "__main__":
    main()
