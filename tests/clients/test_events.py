"""The event bus through boto3: from a training job's end to an inbox, a webhook and a pipeline."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import sqlite3
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.jobs import training_request
from tests.clients.people import DEV, person
from tests.clients.test_registry import put, register
from tests.live import ROLE, LiveServer
from tests.registry.world import model_archive

ACCOUNT, REGION = "123456789012", "us-east-1"
INBOX = f"arn:aws:sns:{REGION}:{ACCOUNT}:inbox"
HOOK = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/ci"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus"
KEY = b"a key of at least 24 bytes"


class Receiver:
    """A webhook's other side: keeps what it is posted, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((headers, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def details(self) -> list[Any]:
        return [json.loads(body)["detail"] for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture(scope="module")
def bus(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("events") / "home", environment=setting(receiver))
    live.start()
    yield live
    assert live.stop() == 0, live.log.read_text()


def setting(receiver: Receiver) -> dict[str, str]:
    secret = "whsec_" + base64.b64encode(KEY).decode()
    return {
        "MODELYARD_WEBHOOKS": json.dumps({"ci": {"url": receiver.url, "secret": secret}}),
        "MODELYARD_OUTBOUND_ALLOWED_HOSTS": "127.0.0.1",
    }


def put_rule(server: LiveServer, name: str, pattern: Any, *targets: dict[str, Any]) -> None:
    events = server.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    answer = events.put_targets(Rule=name, Targets=list(targets))
    assert answer["FailedEntryCount"] == 0, answer


def put_event(server: LiveServer, source: str, detail: Any, **entry: Any) -> str:
    answer = server.client("events").put_events(
        Entries=[{"Source": source, "DetailType": "t", "Detail": json.dumps(detail), **entry}]
    )
    assert answer["FailedEntryCount"] == 0, answer
    return str(answer["Entries"][0]["EventId"])


def until(reached: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = reached()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def inbox(server: LiveServer) -> str:
    return server.cli("inbox").stdout


def dead_letters(server: LiveServer, rule: str) -> list[dict[str, Any]]:
    printed = server.cli("events", "dead-letters", "--rule", rule).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_a_training_jobs_end_reaches_the_inbox_and_a_signed_webhook(
    bus: LiveServer, receiver: Receiver
) -> None:
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {
            "TrainingJobName": [{"prefix": "told-"}],
            "TrainingJobStatus": ["Completed", "Failed", "Stopped"],
        },
    }
    put_rule(bus, "job-ends", pattern, {"Id": "people", "Arn": INBOX}, {"Id": "ci", "Arn": HOOK})
    bus.client("sagemaker").create_training_job(**training_request(bus, "told-once"))

    (headers, body) = until(lambda: [one for one in receiver.got if b"told-once" in one[1]])[0]
    event = json.loads(body)
    assert event["source"] == "aws.sagemaker"
    assert event["detail-type"] == "SageMaker Training Job State Change"
    assert event["resources"] == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/told-once"]
    detail = event["detail"]
    assert (detail["TrainingJobName"], detail["TrainingJobStatus"]) == ("told-once", "Completed")
    assert detail["ModelArtifacts"]["S3ModelArtifacts"].endswith("/model.tar.gz")
    assert headers["webhook-id"] == event["id"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(KEY, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    until(lambda: "The training job told-once status is: Completed." in inbox(bus))


def test_an_own_event_starts_a_training_job(bus: LiveServer) -> None:
    request = training_request(bus, "from-<name>")
    target = {
        "Id": "train",
        "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:createTrainingJob",
        "RoleArn": ROLE,
        "InputTransformer": {
            "InputPathsMap": {"name": "$.detail.name"},
            "InputTemplate": json.dumps(request),
        },
    }
    put_rule(bus, "train", {"source": ["data.arrived"]}, target)
    put_event(bus, "data.arrived", {"name": "event"})
    sagemaker = bus.client("sagemaker")

    def status() -> Any:
        try:
            return sagemaker.describe_training_job(TrainingJobName="from-event")
        except ClientError:
            return None

    job = until(status)
    assert job["RoleArn"] == ROLE


def test_a_provisioned_pipeline_tells_of_its_stages(bus: LiveServer) -> None:
    request = training_request(bus, "unused")
    data = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    body = {
        "pipeline_type": "model_training_builtin",
        "model_name": "event-made",
        "model_framework": "xgboost",
        "model_framework_version": "1",
        "job_name": "event-made-job",
        "job_output_location": "out",
        "training_data": data.split("/", 3)[3],
        "content_type": "csv",
        "instance_type": "ml.m5.large",
        "instance_volume_size": "5",
        "algo_hyperparamaters": {"objective": "binary:logistic", "num_round": "5"},
    }
    provision = {
        "Id": "p",
        "Arn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:orchestrator/prod/POST/provisionpipeline",
        "InputPath": "$.detail",
    }
    put_rule(bus, "provision", {"source": ["order.pipeline"]}, provision)
    put_rule(bus, "pipelines", {"source": ["aws.codepipeline"]}, {"Id": "i", "Arn": INBOX})
    put_event(bus, "order.pipeline", body)
    told = until(
        lambda: (
            text
            if "Pipeline execution result is" in (text := inbox(bus))
            else dead_letters(bus, "provision")
        )
    )
    assert isinstance(told, str), told
    assert "Pipeline execution result is SUCCEEDED" in told
    assert "Source action S3Source in the Pipeline" in told
    assert "DeployCloudFormation action deploy_stack in the Pipeline" in told


def test_an_approval_is_one_event_and_told(bus: LiveServer) -> None:
    pattern: dict[str, Any] = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["approved"], "ModelApprovalStatus": ["Approved"]},
    }
    put_rule(bus, "approved", pattern, {"Id": "i", "Arn": INBOX})
    sagemaker = bus.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="approved")
    arn = register(bus, "approved", put(bus, "approved/model.tar.gz", model_archive()))
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sentence = "Version 1 of the model package group approved is: Completed, Approved."
    until(lambda: sentence in inbox(bus))
    # Whatever came behind it, and however often it was told, there is one event of the approval.
    shown = bus.cli("events", "tail", "--all", "--no-follow", "--pattern", json.dumps(pattern))
    (event,) = map(json.loads, shown.stdout.splitlines())
    assert event["detail"]["ModelPackageVersion"] == 1


def test_a_spokes_events_reach_the_hub_that_allows_it(bus: LiveServer) -> None:
    engineer = person(bus, "eve", "dev", "ml-engineer").client("events")
    pattern = json.dumps({"source": ["spoke"]})
    engineer.put_rule(Name="to-hub", EventPattern=pattern)
    target = {"Id": "hub", "Arn": f"{BUS}/default"}
    (refused,) = engineer.put_targets(Rule="to-hub", Targets=[target])["FailedEntries"]
    assert f"does not allow events:PutEvents to account {DEV}" in refused["ErrorMessage"]

    hub = bus.client("events")
    hub.put_permission(Action="events:PutEvents", Principal=DEV, StatementId="dev")
    put_rule(bus, "spokes", {"source": ["spoke"], "account": [DEV]}, {"Id": "i", "Arn": INBOX})
    assert engineer.put_targets(Rule="to-hub", Targets=[target])["FailedEntryCount"] == 0
    entry = {"Source": "spoke", "DetailType": "t", "Detail": '{"said": "in dev"}'}
    scientist = person(bus, "dan", "dev", "data-scientist").client("events")
    assert scientist.put_events(Entries=[entry])["FailedEntryCount"] == 0
    until(lambda: '{"said": "in dev"}' in inbox(bus))
    with pytest.raises(ClientError, match="not authorized to perform: events:PutRule"):
        scientist.put_rule(Name="mine", EventPattern=pattern)
    # What dev sees of the hub is nothing.
    assert [rule["Name"] for rule in engineer.list_rules()["Rules"]] == ["to-hub"]


def test_a_rule_goes_by_the_clock(bus: LiveServer) -> None:
    events = bus.client("events")
    with pytest.raises(ClientError, match="never comes"):
        events.put_rule(Name="never", ScheduleExpression="cron(0 0 30 2 ? *)")
    events.put_rule(Name="clock", ScheduleExpression="rate(1 minute)")
    said = {"Id": "i", "Arn": INBOX, "Input": '"a minute went by"'}
    assert events.put_targets(Rule="clock", Targets=[said])["FailedEntryCount"] == 0
    until(lambda: "a minute went by" in inbox(bus), seconds=120)
    assert events.describe_rule(Name="clock")["ScheduleExpression"] == "rate(1 minute)"
    events.disable_rule(Name="clock")


def test_the_rules_of_a_bus_are_listed_switched_and_deleted(bus: LiveServer) -> None:
    events = bus.client("events")
    events.create_event_bus(Name="own", Tags=[{"Key": "k", "Value": "v"}])
    pattern = json.dumps({"source": ["shop"]})
    for name in ("b-rule", "a-rule", "other"):
        arn = events.put_rule(Name=name, EventBusName="own", EventPattern=pattern)["RuleArn"]
        assert arn == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/own/{name}"
    page = events.list_rules(EventBusName="own", Limit=2)
    assert [rule["Name"] for rule in page["Rules"]] == ["a-rule", "b-rule"]
    rest = events.list_rules(EventBusName="own", Limit=2, NextToken=page["NextToken"])
    assert [rule["Name"] for rule in rest["Rules"]] == ["other"]
    named = events.list_rules(EventBusName=f"{BUS}/own", NamePrefix="a-")["Rules"]
    assert [rule["State"] for rule in named] == ["ENABLED"]
    events.disable_rule(Name="a-rule", EventBusName="own")
    found = events.describe_rule(Name="a-rule", EventBusName="own")
    assert (found["State"], found["EventPattern"], found["CreatedBy"]) == (
        "DISABLED",
        pattern,
        ACCOUNT,
    )
    events.put_targets(
        Rule="a-rule", EventBusName="own", Targets=[{"Id": "i", "Arn": INBOX, "Input": '"x"'}]
    )
    names = events.list_rule_names_by_target(TargetArn=INBOX, EventBusName="own")["RuleNames"]
    assert names == ["a-rule"]
    (target,) = events.list_targets_by_rule(Rule="a-rule", EventBusName="own")["Targets"]
    assert target == {"Id": "i", "Arn": INBOX, "Input": '"x"'}
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name="a-rule", EventBusName="own")
    events.remove_targets(Rule="a-rule", EventBusName="own", Ids=["i"])
    with pytest.raises(ClientError, match="still has the rule"):
        events.delete_event_bus(Name="own")
    for name in ("b-rule", "a-rule", "other"):
        events.delete_rule(Name=name, EventBusName="own")
    events.delete_event_bus(Name="own")
    assert [one["Name"] for one in events.list_event_buses()["EventBuses"]] == ["default"]
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="a-rule")


def test_a_pattern_is_tried_and_a_wrong_one_is_told_as_boto3_expects(bus: LiveServer) -> None:
    events = bus.client("events")
    event = {
        "id": "1",
        "detail-type": "t",
        "source": "shop",
        "account": ACCOUNT,
        "time": "2026-11-21T00:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": {"n": 5},
    }
    pattern = {"detail": {"n": [{"numeric": [">", 4]}]}}
    assert events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))[
        "Result"
    ]
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="no number is"):
        events.put_rule(
            Name="never",
            EventPattern=json.dumps({"detail": {"n": [{"numeric": [">", 5, "<", 4]}]}}),
        )


def test_each_entry_that_is_wrong_has_its_own_error(bus: LiveServer) -> None:
    good = {"Source": "shop", "DetailType": "t", "Detail": "{}"}
    answer = bus.client("events").put_events(
        Entries=[
            good,
            {**good, "Source": "aws.sagemaker"},
            {**good, "Detail": "[1]"},
            {"Source": "shop", "Detail": "{}"},
            {**good, "EventBusName": "nowhere"},
        ]
    )
    assert answer["FailedEntryCount"] == 4
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "InvalidArgument",
        "ResourceNotFoundException",
    ]


def test_a_dead_letter_is_replayed_from_the_command_line(
    bus: LiveServer, receiver: Receiver
) -> None:
    target = {"Id": "ci", "Arn": HOOK, "RetryPolicy": {"MaximumRetryAttempts": 0}}
    put_rule(bus, "fails", {"source": ["failing"]}, target)
    receiver.status = 503
    id_ = put_event(bus, "failing", {"n": 1})
    (letter,) = until(lambda: dead_letters(bus, "fails"))
    assert letter["EventId"] == id_
    assert letter["Error"] == "NotTaken: the webhook ci answered 503"
    receiver.status = 200
    assert "1 will be delivered again" in bus.cli("events", "replay", "--rule", "fails").stdout
    until(lambda: {"n": 1} in receiver.details()[-1:])
    until(lambda: dead_letters(bus, "fails") == [])


def test_the_tail_shows_what_a_pattern_asks_for(bus: LiveServer) -> None:
    id_ = put_event(bus, "tailed", {"n": 1})
    put_event(bus, "tailed", {"n": 2})
    pattern = json.dumps({"source": ["tailed"], "detail": {"n": [1]}})
    printed = bus.cli("events", "tail", "--all", "--no-follow", "--pattern", pattern).stdout
    (event,) = [json.loads(line) for line in printed.splitlines()]
    assert event["id"] == id_


def test_deliveries_are_in_the_metrics(bus: LiveServer) -> None:
    put_rule(bus, "counted", {"source": ["counted"]}, {"Id": "i", "Arn": INBOX})
    put_event(bus, "counted", {})

    def metrics() -> str:
        request = urllib.request.Request(
            bus.env["AWS_ENDPOINT_URL"] + "/metrics",
            headers={"Authorization": f"Bearer {bus.env['MODELYARD_TOKEN']}"},
        )
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())

    line = 'modelyard_event_deliveries_total{outcome="delivered",target="notification"}'
    until(lambda: line in metrics())
    assert "modelyard_event_dead_letters " in metrics()


def waiting(server: LiveServer) -> int:
    """Return how many deliveries a server has still to make."""
    with contextlib.closing(sqlite3.connect(server.home / "modelyard.db")) as database:
        return int(database.execute("SELECT count(*) FROM target_deliveries").fetchone()[0])


def _ids(receiver: Receiver, when: str) -> list[str]:
    return [
        headers["webhook-id"]
        for headers, body in receiver.got
        if json.loads(body)["detail"] == {"when": when}
    ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_server_had_queued_is_delivered_by_the_next(
    tmp_path: Path, receiver: Receiver, when: str
) -> None:
    bomb = f"{when}:modelyard.events.delivery:Courier.deliver"
    command = (sys.executable, "-m", "tests.faults.launcher", bomb)
    home = tmp_path / "home"
    dying = LiveServer(home, environment=setting(receiver), command=command).start()
    put_rule(dying, "all", {"source": ["killed"]}, {"Id": "ci", "Arn": HOOK})
    put_event(dying, "killed", {"when": when})
    assert dying.process is not None
    assert dying.process.wait(timeout=60) == -9
    next_one = LiveServer(home, environment=setting(receiver)).start()
    try:
        # What was delivered an instant before the kill comes again. A receiver that answers too
        # late may get it once more: what is promised is at least once, under one id.
        wanted = 1 if when == "before" else 2
        ids = until(lambda: _ids(receiver, when) if len(_ids(receiver, when)) >= wanted else None)
        assert len(set(ids)) == 1
        until(lambda: waiting(next_one) == 0)
    finally:
        assert next_one.stop() == 0
