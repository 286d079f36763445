"""The whole orchestrator over toy capabilities: its service, its door, its assets bucket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import Message

from modelyard.api.orchestrator import orchestrator_app
from modelyard.api.state import RequestState, put_state
from modelyard.arns import role_arn
from modelyard.compute.runtime import Program
from modelyard.operations.context import Context
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery import plan
from modelyard.orchestrator.delivery.acting import RoleActing
from modelyard.orchestrator.delivery.carrying import Carrier
from modelyard.orchestrator.delivery.deploying import StageDeployer
from modelyard.orchestrator.delivery.execution import Deliverer
from modelyard.orchestrator.delivery.integration_tests import Case, load
from modelyard.orchestrator.delivery.opened_endpoint import EndpointOpener
from modelyard.orchestrator.delivery.publishing import Publisher
from modelyard.orchestrator.delivery.removal import Remover
from modelyard.orchestrator.delivery.scripts import Script, ScriptRunner
from modelyard.orchestrator.delivery.status import PipelineStatus
from modelyard.orchestrator.delivery.testing import StageTester
from modelyard.orchestrator.operations import StackOperations
from modelyard.orchestrator.planning import Planner, Settings
from modelyard.orchestrator.provisioning import Provisioner
from modelyard.orchestrator.service import OrchestratorService
from modelyard.orchestrator.stacks.resources import TableCalls
from modelyard.store.objects import ObjectStores
from modelyard.store.resources import Resource, Store
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.world import ACCOUNT, REGION, SCHEMA, SCOPE, World, caller

ASSETS = "assets"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
REALTIME = "mlops-pipeline-churn-byompipelinerealtimebuiltin"
BATCH = "mlops-pipeline-churn-byompipelinebatchbuiltin"
TRAINING = "mlops-pipeline-churn-modeltraining"


def retrieve(framework: str, version: str, region: str) -> str:
    if (framework, version, region) != ("xgboost", "1.7-1", REGION):
        raise ValueError(f"{framework} {version} is not offered: use xgboost 1.7-1")
    return IMAGE


def require_image(uri: str) -> None:
    if uri != IMAGE:
        raise ValueError(f"Image {uri!r} is not offered")


def model_of(endpoint: str) -> str:
    if endpoint != "census":
        raise ValueError(f"Could not find endpoint {endpoint!r}")
    return "census-model"


class BareRuntime:
    """Runs programs as they are, confined by nothing."""

    name = "bare"

    async def start(self, program: Program, on_line: Callable[[str], None]) -> BareProcess:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            cwd=program.base,
            env=dict(program.environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return BareProcess(process, on_line)

    async def end(self, identity: str) -> None: ...


class BareProcess:
    """What `BareRuntime` started."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
        self._process = process
        self._on_line = on_line

    async def wait(self) -> int:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._on_line(line.decode(errors="replace").rstrip())
        return await self._process.wait()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


class Endpoints:
    """Answers invocations; `answer` is what the next ones get."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes, str]] = []
        self.answer: tuple[int, dict[str, str], bytes] = (
            200,
            {"content-type": "text/csv; charset=utf-8"},
            b"0.25",
        )

    async def invoke(
        self, context: Context, endpoint: str, body: bytes, content_type: str
    ) -> tuple[int, dict[str, str], bytes]:
        self.asked.append((context.region, endpoint, body, content_type))
        return self.answer


class Platform(World):
    """A world with the orchestrator in it."""

    def __init__(
        self, store: Store, folder: Path, settings: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(store, **options)
        self.objects = ObjectStores(folder / "objects")
        self.objects.of(ACCOUNT).create_bucket(ASSETS)
        self.endpoints = Endpoints()
        self.retrieve = retrieve
        self.table.add(StackOperations(store, self.engine))
        self.acting = RoleActing(self.table)
        told = Settings(
            execution_role_arn=lambda account: role_arn(account=account, name="execution"),
            retrieve_image=lambda *what: self.retrieve(*what),
            model_of=lambda _context, endpoint: model_of(endpoint),
            require_image=require_image,
            **(settings or {}),
        )
        #: Gives the client of an account that is not this server's, or None.
        self.elsewhere: Callable[[Context, str], Any] = lambda _context, _service: None
        calls = TableCalls(self.table, SCHEMA, lambda *what: self.elsewhere(*what))
        parts = (store, self.engine, calls, self.acting)
        self.planner = Planner(self.types, self.assets, self.load_tests, self.acting, told)
        self.provisioner = Provisioner(
            store,
            self.queue,
            self.types,
            self.planner,
            self.acting,
            told,
        )
        carrier = Carrier(
            self.table.guard, lambda context: self.objects.of(context.account), lambda _: ASSETS
        )
        deploy = StageDeployer(*parts, carrier, poll_seconds=0.005, pause_seconds=0.05).carry_out
        scripts = ScriptRunner(BareRuntime(), folder / "scripts", EndpointOpener(self.invoke))
        self.deliverer = Deliverer(
            store,
            Remover(store, self.engine, self.acting),
            {
                plan.SOURCE: Publisher(self.assets).carry_out,
                plan.DEPLOY: deploy,
                plan.STACK_SET: deploy,
                plan.TEST: StageTester(
                    *parts, self.invoke, self.load_tests, self.assets, scripts
                ).carry_out,
            },
            poll_seconds=0.005,
        )
        self.queue.functions["delivery"] = self.deliverer.run
        self.service = OrchestratorService(
            store,
            self.table,
            self.queue,
            self.engine,
            self.provisioner,
            PipelineStatus(*parts),
            self.endpoints.invoke,
            lambda account: ASSETS,
        )

    async def invoke(
        self, context: Context, endpoint: str, body: bytes, content_type: str
    ) -> tuple[int, dict[str, str], bytes]:
        return await self.endpoints.invoke(context, endpoint, body, content_type)

    def load_tests(self, context: Context, prefix: str) -> list[Case | Script]:
        return load(self.objects.of(context.account), ASSETS, prefix)

    def assets(self, account: str) -> Assets:
        return Assets(self.objects.of(account), ASSETS)

    def upload(self, *keys: str) -> None:
        for key in keys:
            self.objects.of(ACCOUNT).put_bytes(S3Uri(ASSETS, key), b"content")

    def find_stack(self, name: str) -> Resource | None:
        with self.store.read() as snapshot:
            return snapshot.find(SCOPE, "stack", name)

    def stack_named(self, name: str) -> Resource:
        with self.store.read() as snapshot:
            return snapshot.get(SCOPE, "stack", name)

    async def provision(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Provision, and carry out all that follows."""
        answer = self.service.provision(caller(), body)
        await self.run()
        return answer

    def state(self, pipeline_id: str) -> dict[str, Any]:
        state = self.service.pipeline_status(caller(), {"pipeline_id": pipeline_id})
        assert isinstance(state, dict)
        return state

    async def ask(
        self, path: str, body: Any, *, method: str = "POST", detailed: bool = True
    ) -> Answer:
        """Send a request to the HTTP door, as an authenticated caller."""
        app = orchestrator_app(self.service, allow_detailed_error_message=detailed)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        who = caller()
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        put_state(scope, RequestState(request_id=who.request_id, source="test", context=who))
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": data}

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return Answer(status=sent[0]["status"], content_type=headers["content-type"], text=text)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the HTTP door answered."""

    status: int
    content_type: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def realtime(**changes: Any) -> dict[str, Any]:
    """Return a right request for a realtime pipeline."""
    body = {
        "pipeline_type": "byom_realtime_builtin",
        "model_name": "Churn",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "model_artifact_location": "models/model.tar.gz",
        "inference_instance": "ml.m5.large",
        "data_capture_location": "assets/captured/",
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


def batch(**changes: Any) -> dict[str, Any]:
    """Return a right request for a batch pipeline."""
    body = {
        "pipeline_type": "byom_batch_builtin",
        "model_name": "Churn",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "model_artifact_location": "models/model.tar.gz",
        "inference_instance": "ml.m5.large",
        "batch_inference_data": "assets/data/rows.csv",
        "batch_job_output_location": "assets/predictions/",
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


def training(**changes: Any) -> dict[str, Any]:
    """Return a right request for a training pipeline."""
    body = {
        "pipeline_type": "model_training_builtin",
        "model_name": "Churn",
        "model_framework": "xgboost",
        "model_framework_version": "1.7-1",
        "training_data": "data/train.csv",
        "job_output_location": "models",
        "algo_hyperparamaters": {"num_round": 100, "eta": 0.3, "objective": "binary:logistic"},
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}
