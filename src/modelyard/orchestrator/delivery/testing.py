"""The action that tests what a stage has deployed, before anybody is asked to approve it.

All tests together have a time: an endpoint that hangs fails the stage, and nobody waits for ever.
What came of them is kept in the assets bucket, in the approval's text and, of a registered model,
with its version, where the approval policy finds it as evidence.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence

import structlog
from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.delivery.acting import Acting
from modelyard.orchestrator.delivery.deploying import REFUSALS
from modelyard.orchestrator.delivery.integration_tests import (
    BadTests,
    Case,
    Outcome,
    Report,
    TestPlan,
)
from modelyard.orchestrator.delivery.runs import SUCCEEDED, Action
from modelyard.orchestrator.delivery.scripts import Script, ScriptRunner
from modelyard.orchestrator.delivery.work import Work
from modelyard.orchestrator.inference import InferenceRequest, Invoke, predict
from modelyard.orchestrator.stacks.engine import StackEngine
from modelyard.orchestrator.stacks.resources import Calls
from modelyard.orchestrator.stacks.state import KIND as STACK
from modelyard.store.resources import Store

log = structlog.get_logger(__name__)

_ENDPOINT = "SageMakerEndpointName"


class StageTester:
    """Carries out testing actions.

    Args:
        load: gives the tests of a folder, to a caller, from an account's assets bucket.
        assets: gives an account's assets bucket.
    """

    def __init__(
        self,
        store: Store,
        engine: StackEngine,
        calls: Calls,
        acting: Acting,
        invoke: Invoke,
        load: Callable[[Context, str], Sequence[Case | Script]],
        assets: Callable[[str], Assets],
        scripts: ScriptRunner,
    ) -> None:
        self._store = store
        self._engine = engine
        self._calls = calls
        self._acting = acting
        self._invoke = invoke
        self._load = load
        self._assets = assets
        self._scripts = scripts

    async def carry_out(self, work: Work) -> Action:
        """Run the tests; return the action as it ended."""
        plan = TestPlan.of(work.source)
        if plan is None:
            return work.failed("the pipeline has no integration tests: provision it once more")
        try:
            hub = self._acting.hub(work.context)
            target = work.target
            context = await asyncio.to_thread(
                self._acting.stage, work.context, target.account, target.role
            )
            cases = await asyncio.to_thread(self._load, hub, plan.prefix)
            endpoint = await asyncio.to_thread(self._endpoint, work)
        except (BadTests, LookupError, *REFUSALS) as error:
            return work.failed(f"the tests could not be run: {error}")
        report = await self._run(work, context, endpoint, cases, plan.seconds)
        uri = await asyncio.to_thread(self._keep, work, report)
        await asyncio.to_thread(self._tell_registry, work, hub, report)
        if report.passed:
            return work.action.evolve(SUCCEEDED, summary=report.summary, external_id=uri)
        return work.failed(report.problems, summary=report.summary, external_id=uri)

    async def _run(
        self,
        work: Work,
        context: Context,
        endpoint: str,
        cases: Sequence[Case | Script],
        seconds: int,
    ) -> Report:
        until = time.monotonic() + seconds
        outcomes = []
        for case in cases:
            began = time.monotonic()
            left = max(until - began, 0)
            try:
                if isinstance(case, Script):
                    # It is ended by its runner, which also says what it said last.
                    run = f"{work.execution.id}/{work.action.id}/{case.name}"
                    problem = await self._scripts.run(run, context, endpoint, case, left)
                else:
                    async with asyncio.timeout(left):
                        problem = await self._ask(context, endpoint, case)
            except TimeoutError:
                problem = f"no answer: all tests together have {seconds} s, and they are over"
            outcomes.append(
                Outcome(
                    name=case.name,
                    passed=problem is None,
                    problem=problem or "",
                    seconds=round(time.monotonic() - began, 3),
                )
            )
        return Report(outcomes=outcomes)

    async def _ask(self, context: Context, endpoint: str, case: Case) -> str | None:
        request = InferenceRequest(payload=case.payload, content_type=case.content_type)
        try:
            answer = await predict(self._invoke, context, endpoint, context.region, request)
        except ClientError as error:
            return str(error)
        except TimeoutError:
            raise
        except Exception as error:  # the gateway is not reached: whatever its client raises
            return f"{type(error).__name__}: {error}"
        return case.problem(answer.body)

    def _endpoint(self, work: Work) -> str:
        with self._store.read() as snapshot:
            work.require(snapshot)
            stack = snapshot.find(work.scope, STACK, work.target.stack_name)
        if stack is None:
            raise LookupError(f"the stack {work.target.stack_name} is gone")
        endpoint = self._engine.outputs(stack).get(_ENDPOINT)
        if endpoint is None:
            raise LookupError(f"the stack {stack.name} has no output {_ENDPOINT}")
        return endpoint

    def _keep(self, work: Work, report: Report) -> str:
        """Write the report to the assets bucket and return where; "" where that cannot be."""
        key = (
            f"mlops_provisioned_pipelines/{work.source['stack_name']}/tests/"
            f"{work.execution.id}/{work.target.title}.json"
        )
        said = {**report.document(), "stage": work.target.title, "execution": work.execution.id}
        try:
            data = json.dumps(said, indent=2).encode()
            return str(self._assets(work.pipeline.scope.account).put(key, data))
        except Exception as error:
            log.warning("test report not kept", pipeline=work.pipeline.arn, reason=str(error))
            return ""

    def _tell_registry(self, work: Work, hub: Context, report: Report) -> None:
        package = work.source.get("model_package")
        if not package:
            return
        stage = work.target.title
        told = {
            "integration_tests": "passed" if report.passed else "failed",
            f"integration_tests_{stage}": report.summary.partition(": ")[2],
        }
        try:
            self._calls.client(hub, "sagemaker").update_model_package(
                ModelPackageArn=package, CustomerMetadataProperties=told
            )
        except ClientError as error:
            # It is said in the approval's text in any case.
            log.warning("test result not registered", package=package, reason=str(error))
