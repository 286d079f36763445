"""MLflow's own client and pages, through the door: jobs' runs, scripts' runs, accounts apart."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from modelyard.identity.session_bearer import session_bearer
from tests.clients.jobs import ENDED, await_job, train, training_request
from tests.clients.people import DEV, As, person
from tests.clients.tuning_jobs import await_tuning, trials_of, tuning_request
from tests.live import ROLE, LiveServer, clean_environment

pytestmark = pytest.mark.slow

SECONDS = 240
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

#: What a user's script does in a job.
SCRIPT = """import os, mlflow
mlflow.log_metric("mine", 7.5, step=3)
mlflow.log_param("theirs", "x")
mlflow.log_text("hello", "notes/a.txt")
print("token", os.environ["MLFLOW_TRACKING_TOKEN"])
print("run", mlflow.active_run().info.run_id, os.environ["MLFLOW_EXPERIMENT_NAME"])"""

LOSSES = """import time
for i in range(40):
    print(f"[{i}] loss={i};", flush=True)
    time.sleep(0.3)"""

#: What MLflow's client says of a run, by the name of a job.
LOOK = """
import json, sys
import mlflow
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[1])
found = []
named = f"tags.`mlflow.runName` = '{sys.argv[2]}'"
for run in client.search_runs([experiment.experiment_id], named):
    history = {}
    for name in run.data.metrics:
        points = client.get_metric_history(run.info.run_id, name)
        history[name] = [(point.step, point.value) for point in points]
    found.append({
        "id": run.info.run_id, "status": run.info.status, "params": run.data.params,
        "tags": run.data.tags, "history": history,
        "data": {given.dataset.name: json.loads(given.dataset.source)["uri"]
                 for given in run.inputs.dataset_inputs},
        "files": [file.path for file in client.list_artifacts(run.info.run_id, "notes")],
    })
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(
        tmp_path_factory.mktemp("mlflow") / "home", environment={"MODELYARD_EXPERIMENTS": "true"}
    ).start()
    yield live
    assert live.stop() == 0, live.log.read_text()


def entrypoint(script: str) -> list[str]:
    """Return a program of a script's lines, of which each is short enough for the API."""
    return ["python3", "-c", "import sys; exec('\\n'.join(sys.argv[1:]))", *script.splitlines()]


def looked_at(server: LiveServer, experiment: str, name: str) -> list[dict[str, Any]]:
    """Return what MLflow's own client sees with what `modelyard env` says."""
    needed = ("MLFLOW_", "REQUESTS_CA_BUNDLE")
    variables = {name: value for name, value in server.env.items() if name.startswith(needed)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK, experiment, name],
        env={**clean_environment(), **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def ask(
    server: LiveServer,
    method: str,
    path: str,
    content: Any = None,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> urllib3.BaseHTTPResponse:
    """Ask the door; without a token as the root."""
    given = {"Authorization": f"Bearer {token or server.env['MLFLOW_TRACKING_TOKEN']}"}
    authority = server.env.get("AWS_CA_BUNDLE")
    return urllib3.PoolManager(retries=False, timeout=SECONDS, ca_certs=authority).request(
        method,
        f"{server.env['MLFLOW_TRACKING_URI']}{path}",
        body=None if content is None else json.dumps(content).encode(),
        headers={**(given if headers is None else headers), "Content-Type": "application/json"},
        redirect=False,
        preload_content=True,
    )


def await_run(server: LiveServer, name: str, experiment: str = "training-jobs") -> dict[str, Any]:
    """Return a job's run once it is ended, as the REST API tells it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        runs = runs_of(server, name, experiment)
        if runs and runs[0]["info"]["status"] != "RUNNING":
            assert len(runs) == 1
            return runs[0]
        time.sleep(0.5)
    raise AssertionError(f"the run of {name} does not end:\n{server.log.read_text()[-3000:]}")


def runs_of(
    server: LiveServer, name: str, experiment: str = "training-jobs"
) -> list[dict[str, Any]]:
    found = ask(
        server, "GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={experiment}"
    )
    if found.status != 200:  # not there yet, nor perhaps the server
        return []
    identity = found.json()["experiment"]["experiment_id"]
    search = {"experiment_ids": [identity], "filter": f"tags.`mlflow.runName` = '{name}'"}
    answer = ask(server, "POST", "/api/2.0/mlflow/runs/search", search)
    assert answer.status == 200, answer.data
    runs: list[dict[str, Any]] = answer.json().get("runs", [])
    return runs


def lines_of(server: LiveServer, group: str, name: str) -> list[str]:
    logs = server.client("logs")
    events = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
    return [event["message"] for event in events]


def mlflow_processes(server: LiveServer) -> list[psutil.Process]:
    return [process for process in server.family() if process.cmdline()[1:3] == ["-m", "uvicorn"]]


def dev_scientist(server: LiveServer) -> As:
    role = f"arn:aws:iam::{DEV}:role/data-scientist"
    return person(server, "dana", DEV, "data-scientist").assume(role)


def bearer_of(caller: As) -> str:
    keys = caller.exports
    return session_bearer(keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])


# --- jobs


def test_a_training_job_is_a_run_with_its_parameters_metrics_data_and_model(
    server: LiveServer,
) -> None:
    job = train(server, "tracked")
    assert job["TrainingJobStatus"] == "Completed"
    await_run(server, "tracked")
    (run,) = looked_at(server, "training-jobs", "tracked")
    assert run["status"] == "FINISHED"
    assert run["params"] == training_request(server, "tracked")["HyperParameters"]
    history = run["history"]["train:auc"]
    assert [step for step, _ in history] == list(range(20))
    assert history[-1][1] == job["FinalMetricDataList"][0]["Value"]
    assert run["tags"]["modelyard.job_arn"] == job["TrainingJobArn"]
    assert run["tags"]["modelyard.model"] == job["ModelArtifacts"]["S3ModelArtifacts"]
    assert run["data"] == {"train": f"s3://{server.bucket}/tests/train.csv"}


def test_a_tuning_job_is_a_run_above_those_of_its_trials(server: LiveServer) -> None:
    server.client("sagemaker").create_hyper_parameter_tuning_job(
        **tuning_request(server, "searched", Strategy="Random")
    )
    best = await_tuning(server, "searched")["BestTrainingJob"]
    await_run(server, "searched", "tuning-jobs")
    (run,) = looked_at(server, "tuning-jobs", "searched")
    assert run["status"] == "FINISHED"
    assert run["params"]["Strategy"] == "Random"
    assert run["params"]["best_eta"] == best["TunedHyperParameters"]["eta"]
    final = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert run["history"][f"best_{final['MetricName']}"] == [[0, final["Value"]]]
    trials = trials_of(server, "searched")
    for trial in trials:
        below = await_run(server, trial["TrainingJobName"], "tuning-jobs")
        tags = {tag["key"]: tag["value"] for tag in below["data"]["tags"]}
        assert tags["mlflow.parentRunId"] == run["id"]
    assert len(trials) == 3


def test_a_script_logs_into_the_run_of_its_job_and_its_token_ends_with_it(
    server: LiveServer,
) -> None:
    request = training_request(server, "scripted")
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = entrypoint(SCRIPT)
    server.client("sagemaker").create_training_job(**request)
    server.client("sagemaker").create_processing_job(
        ProcessingJobName="processed",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": SKLEARN, "ContainerEntrypoint": entrypoint(SCRIPT)},
        ProcessingResources={
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            }
        },
    )
    job = await_job(server, "scripted", seconds=SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job
    await_run(server, "scripted")
    (run,) = looked_at(server, "training-jobs", "scripted")
    assert run["history"] == {"mine": [[3, 7.5]]}
    assert run["params"] == {**request["HyperParameters"], "theirs": "x"}
    assert run["files"] == ["notes/a.txt"]
    said = dict(
        line.split(" ", 1)
        for line in lines_of(server, "/aws/sagemaker/TrainingJobs", "scripted")
        if line.startswith(("token ", "run "))
    )
    assert said["run"] == f"{run['id']} training-jobs"
    # The token opened this door while the job ran, and never another.
    assert (
        ask(server, "POST", "/api/2.0/mlflow/experiments/search", {}, token=said["token"]).status
        == 401
    )
    other = urllib3.request(
        "GET",
        f"{server.env['MODELYARD_URL']}/readyz",
        headers={"Authorization": f"Bearer {said['token']}"},
        retries=False,
    )
    assert other.status == 403

    deadline = time.monotonic() + SECONDS
    status = ""
    while status not in ENDED and time.monotonic() < deadline:
        described = server.client("sagemaker").describe_processing_job(
            ProcessingJobName="processed"
        )
        status = described["ProcessingJobStatus"]
        time.sleep(0.3)
    assert status == "Completed", described
    run = await_run(server, "processed", "processing-jobs")
    assert {metric["key"]: metric["value"] for metric in run["data"]["metrics"]} == {"mine": 7.5}
    assert run["info"]["status"] == "FINISHED"


@pytest.mark.parametrize("runtime", ["bubblewrap", "plain"])
def test_a_script_of_a_server_with_tls_verifies_it_and_logs(tmp_path: Path, runtime: str) -> None:
    live = LiveServer(
        tmp_path / "home",
        environment={"MODELYARD_EXPERIMENTS": "true", "MODELYARD_RUNTIME": runtime},
        options=["--tls"],
    ).start()
    try:
        request = training_request(live, "scripted")
        request["AlgorithmSpecification"]["ContainerEntrypoint"] = entrypoint(SCRIPT)
        live.client("sagemaker").create_training_job(**request)
        job = await_job(live, "scripted", seconds=SECONDS)
        assert job["TrainingJobStatus"] == "Completed", job
        await_run(live, "scripted")
        (run,) = looked_at(live, "training-jobs", "scripted")
        assert run["history"] == {"mine": [[3, 7.5]]}
        assert run["files"] == ["notes/a.txt"]
    finally:
        live.kill()


# --- who may


def test_who_is_not_known_is_asked_to_sign_in(server: LiveServer) -> None:
    for path in ("/", "/static-files/x.js", "/api/2.0/mlflow/experiments/search", "/jobs"):
        refused = ask(server, "GET", path, headers={})
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    wrong = base64.b64encode(f"{server.env['AWS_ACCESS_KEY_ID']}:wrong".encode()).decode()
    assert ask(server, "GET", "/", headers={"Authorization": f"Basic {wrong}"}).status == 401


def test_a_caller_signs_in_with_a_password_a_token_or_a_signature(server: LiveServer) -> None:
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    keys = server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"]
    for name, password in (keys, ("token", server.env["MLFLOW_TRACKING_TOKEN"])):
        basic = base64.b64encode(f"{name}:{password}".encode()).decode()
        assert ask(server, "GET", path, headers={"Authorization": f"Basic {basic}"}).status == 200
    signed = AWSRequest("GET", f"{server.env['MLFLOW_TRACKING_URI']}{path}")
    SigV4Auth(Credentials(*keys), "execute-api", "us-east-1").add_auth(signed)
    answer = urllib3.request("GET", str(signed.url), headers=dict(signed.headers), retries=False)
    assert answer.status == 200, answer.data


def test_another_account_sees_nothing_and_is_seen_by_nobody(server: LiveServer) -> None:
    train(server, "secret-run")
    theirs = await_run(server, "secret-run")["info"]
    token = bearer_of(dev_scientist(server))
    search = ask(
        server, "POST", "/api/2.0/mlflow/experiments/search", {"max_results": 100}, token=token
    )
    assert search.status == 200, search.data
    assert [found["name"] for found in search.json()["experiments"]] == ["Default"]
    run = f"/api/2.0/mlflow/runs/get?run_id={theirs['run_id']}"
    assert ask(server, "GET", run, token=token).status == 404
    file = f"/get-artifact?run_uuid={theirs['run_id']}&path=a.txt"
    assert ask(server, "GET", file, token=token).status == 404
    made = ask(server, "POST", "/api/2.0/mlflow/experiments/create", {"name": "dev"}, token=token)
    assert made.status == 200, made.data
    by_name = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=dev"
    assert ask(server, "GET", by_name, token=token).status == 200
    assert ask(server, "GET", by_name).status == 404


def test_a_session_token_alone_opens_nothing(server: LiveServer) -> None:
    caller = person(server, "erin", DEV, "data-scientist").assume(
        f"arn:aws:iam::{DEV}:role/data-scientist"
    )
    sealed = caller.exports["AWS_SESSION_TOKEN"]
    for token in (sealed, f"my_session_.{sealed}", session_bearer("guessed", sealed)):
        assert ask(server, "GET", "/version", token=token).status == 401


def test_who_has_no_permission_is_refused_and_an_auditor_only_reads(server: LiveServer) -> None:
    nobody = person(server, "frank", "123456789012").exports
    auditor = person(server, "grace", "123456789012", "auditor").exports

    def basic(keys: Mapping[str, str]) -> dict[str, str]:
        pair = f"{keys['AWS_ACCESS_KEY_ID']}:{keys['AWS_SECRET_ACCESS_KEY']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    search, create = "/api/2.0/mlflow/experiments/search", "/api/2.0/mlflow/experiments/create"
    refused = ask(server, "POST", search, {"max_results": 1}, headers=basic(nobody))
    assert (refused.status, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert ask(server, "GET", "/", headers=basic(nobody)).status == 403
    assert ask(server, "POST", search, {"max_results": 1}, headers=basic(auditor)).status == 200
    assert ask(server, "POST", create, {"name": "no"}, headers=basic(auditor)).status == 403


# --- what MLflow was broken with, behind the door


@pytest.mark.parametrize(
    ("vulnerability", "method", "path", "content"),
    [
        ("CVE-2026-0545", "POST", "/ajax-api/3.0/jobs/", {"job_name": "x", "params": {}}),
        ("CVE-2026-0545", "GET", "/ajax-api/3.0/jobs/1", None),
        ("CVE-2026-0545", "GET", "/ajax-api/3.0/mlflow/jobs/1", None),
        ("CVE-2026-2652", "POST", "/gateway/x/mlflow/invocations", {}),
        ("CVE-2026-2652", "POST", "/ajax-api/2.0/mlflow/gateway-proxy", {}),
        ("CVE-2026-2652", "POST", "/v1/traces", {}),
        ("CVE-2026-2652", "POST", "/api/2.0/mlflow/traces", {}),
        (
            "CVE-2026-2614",
            "POST",
            "/api/2.0/mlflow/model-versions/create",
            {"name": "m", "source": "mlflow-artifacts:/../../etc/passwd"},
        ),
        (
            "CVE-2023-1177",
            "POST",
            "/api/2.0/mlflow/model-versions/create",
            {"name": "m", "source": "file:///etc"},
        ),
        (
            "CVE-2023-1177",
            "POST",
            "/ajax-api/2.0/mlflow/model-versions/create",
            {"name": "m", "source": "/etc"},
        ),
        (
            "CVE-2023-1177",
            "POST",
            "/api/2.0/mlflow/experiments/create",
            {"name": "e", "artifact_location": "file:///etc"},
        ),
        (
            "CVE-2023-1177",
            "POST",
            "/api/2.0/mlflow/experiments/create",
            {"name": "e", "artifactLocation": "file:///etc"},
        ),
        ("CVE-2023-2356", "GET", "/model-versions/get-artifact?name=m&version=1&path=../x", None),
        (
            "CVE-2023-2780",
            "POST",
            "/api/2.0/mlflow/model-versions/create",
            {"name": "m", "source": "mlflow-artifacts:/\\..\\..\\etc"},
        ),
        ("CVE-2023-6831", "DELETE", "/api/2.0/mlflow-artifacts/artifacts/%2E%2E/x", None),
        ("CVE-2024-1560", "DELETE", "/api/2.0/mlflow-artifacts/artifacts/%252e%252e%252fx", None),
        ("CVE-2024-1560", "GET", "/get-artifact?run_uuid=r&path=%252e%252e%252fx", None),
        (
            "CVE-2023-6974",
            "POST",
            "/api/2.0/mlflow/model-versions/create",
            {"name": "m", "source": "http://169.254.169.254/latest"},
        ),
        ("CVE-2023-6975", "PUT", "/api/2.0/mlflow-artifacts/artifacts/a/..%5C..%5Cx", {}),
        ("CVE-2023-6909", "GET", "/api/2.0/mlflow/artifacts/list?run_id=r&path=%2Fetc", None),
        ("CVE-2023-6976", "POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r&path=x", {}),
        ("webhooks call out", "POST", "/api/2.0/mlflow/webhooks", {"url": "http://127.0.0.1/"}),
        ("presigned places", "POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", {}),
        ("other methods", "PATCH", "/api/2.0/mlflow/runs/create", {}),
        ("around the door", "GET", "/../readyz", None),
        ("around the door", "GET", "/api/2.0/mlflow/../../../etc/passwd", None),
    ],
)
def test_what_mlflow_was_broken_with_does_not_pass(
    server: LiveServer, vulnerability: str, method: str, path: str, content: Any
) -> None:
    # By hand, since urllib3 would tidy the path up.
    address = urlsplit(server.env["MLFLOW_TRACKING_URI"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=SECONDS)
    connection.putrequest(method, f"/mlflow{path}", skip_host=False)
    body = b"" if content is None else json.dumps(content).encode()
    connection.putheader("Authorization", f"Bearer {server.env['MLFLOW_TRACKING_TOKEN']}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status in (400, 404), (vulnerability, answer.status, said)
    assert b"root:" not in said
    # It is the door that refused, not MLflow.
    assert answer.headers["x-amzn-ErrorType"] in ("INVALID_PARAMETER_VALUE", "ENDPOINT_NOT_FOUND")


def test_the_server_sees_its_own_folder_of_the_home_and_has_no_network(server: LiveServer) -> None:
    assert ask(server, "GET", "/version").status == 200
    processes = mlflow_processes(server)
    assert processes
    for process in processes:
        assert process.net_connections("inet") == []
        root = Path(f"/proc/{process.pid}/root")
        if root.samefile("/"):
            continue  # confined without namespaces: by what it may open
        assert (root / "opt/ml/mlflow.db").exists()
        assert not root.joinpath(*server.home.parts[1:], "credentials").exists()
        interfaces = Path(f"/proc/{process.pid}/net/dev").read_text().splitlines()[2:]
        assert [line.partition(":")[0].strip() for line in interfaces] == ["lo"]
    folder = server.home / "mlflow" / "123456789012"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_page_of_another_site_calls_nothing(server: LiveServer) -> None:
    token = {"Authorization": f"Bearer {server.env['MLFLOW_TRACKING_TOKEN']}"}
    create = ("POST", "/ajax-api/2.0/mlflow/experiments/create", {"name": "forged"})
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ask(server, *create, headers={**token, **headers}).status == 403
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(server, "GET", "/", headers={**token, **visit}).status == 200


def test_the_pages_are_there_and_artifacts_run_nothing(server: LiveServer) -> None:
    page = ask(server, "GET", "/")
    assert page.status == 200
    assert b"static-files/" in page.data
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    run = await_run(server, "scripted")["info"]["run_id"]
    file = ask(server, "GET", f"/get-artifact?run_uuid={run}&path=notes/a.txt")
    assert (file.status, file.data) == (200, b"hello")
    assert file.headers["Content-Security-Policy"].startswith("sandbox")


# --- crashes


def test_the_mlflow_server_is_started_again_when_it_was_killed(server: LiveServer) -> None:
    assert ask(server, "GET", "/version").status == 200
    before = mlflow_processes(server)
    assert before
    for process in before:
        process.kill()
    psutil.wait_procs(before, timeout=30)
    assert ask(server, "GET", "/api/2.0/mlflow/experiments/search?max_results=1").status == 200
    assert {one.pid for one in mlflow_processes(server)}.isdisjoint({one.pid for one in before})


def test_a_crash_of_the_server_leaves_nothing_running_and_repeats_no_metric(
    server: LiveServer,
) -> None:
    request = training_request(server, "crashed")
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": entrypoint(LOSSES),
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}],
    }
    server.client("sagemaker").create_training_job(**request)
    deadline = time.monotonic() + SECONDS
    while not (runs := runs_of(server, "crashed")) or not runs[0]["data"].get("metrics"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    family = server.family()
    server.kill()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    server.start()
    assert await_job(server, "crashed", seconds=SECONDS)["TrainingJobStatus"] == "Completed"
    run = await_run(server, "crashed")["info"]["run_id"]
    history = ask(
        server, "GET", f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss"
    )
    points = [(int(point.get("step", 0)), point["value"]) for point in history.json()["metrics"]]
    assert points == [(step, float(step)) for step in range(40)]
