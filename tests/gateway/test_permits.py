"""Every invocation is authorised by the control plane, and told of; no answer is no permit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.gateway import permits as permitting
from modelyard.gateway.authentication import Caller
from modelyard.gateway.calls import MAX_KINDS, MAX_SINGLE, CallSums
from modelyard.gateway.permits import Permits, Question
from modelyard.gateway.routes import Endpoint, Verdict
from tests.gateway.conftest import Trained
from tests.gateway.live import ACCOUNT, KEY, REGION, LivePool, until, variant
from tests.gateway.models import as_csv, rows

ROW = as_csv(rows(1, seed=5))
ROOT = Caller(
    account=ACCOUNT,
    region=REGION,
    arn=f"arn:aws:iam::{ACCOUNT}:root",
    user_id=ACCOUNT,
    person=f"arn:aws:iam::{ACCOUNT}:root",
)
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e"
QUESTION = Question(ROOT, "e", "")


class Control:
    """A control plane that says what it is told to, and keeps what it hears."""

    def __init__(self) -> None:
        self.allowed = True
        self.asked: list[Mapping[str, Any]] = []
        self.calls: list[Mapping[str, Any]] = []
        self.silent = threading.Event()

    async def judge(self, question: Mapping[str, Any]) -> Verdict:
        self.asked.append(question)
        if self.silent.is_set():
            await asyncio.sleep(3600)
        return Verdict(
            number=question["number"],
            allowed=self.allowed,
            refusal="" if self.allowed else f"User: {question['arn']} may not",
            policies=["p"],
        )

    def record(self, calls: Sequence[Mapping[str, Any]]) -> None:
        self.calls += calls


@pytest.fixture
def control() -> Control:
    return Control()


@pytest.fixture
def live(control: Control, blue: Trained) -> Iterator[LivePool]:
    pool = LivePool(workers=1, judge=control.judge, record=control.record)
    try:
        pool.start()
        assert pool.apply({"e": Endpoint(variants=[variant(blue.folder)])}) == {}
        yield pool
    finally:
        pool.close()


def invoke(pool: LivePool, name: str = "e", **more: Any) -> str:
    """Invoke, and return the request id."""
    answer = pool.client().invoke_endpoint(
        EndpointName=name, Body=ROW, ContentType="text/csv", **more
    )
    return str(answer["ResponseMetadata"]["RequestId"])


def test_the_policy_sees_the_endpoints_own_name_whatever_is_asked_for(
    live: LivePool, control: Control
) -> None:
    invoke(live, "E", TargetVariant="AllTraffic")
    (question,) = control.asked
    assert question["resource"] == ARN
    assert question["arn"] == ROOT.arn
    assert question["variant"] == "AllTraffic"


def test_an_answer_is_remembered_until_policies_change(live: LivePool, control: Control) -> None:
    for _ in range(5):
        invoke(live)
    assert len(control.asked) == 1
    control.allowed = False

    async def change() -> None:
        live.pool.policies_changed()

    live.run(change())
    with pytest.raises(ClientError, match=r"AccessDeniedException.*may not") as refused:
        until(lambda: invoke(live) and None)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_unknown_endpoint_is_refused_as_any_other_to_who_may_not(
    live: LivePool, control: Control
) -> None:
    control.allowed = False
    for name in ("e", "missing"):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            invoke(live, name)


def test_long_bodies_are_authorised_too(live: LivePool, control: Control) -> None:
    control.allowed = False
    with pytest.raises(ClientError, match="AccessDeniedException"):
        live.client().invoke_endpoint(
            EndpointName="e", Body=as_csv(rows(20_000, seed=1)), ContentType="text/csv"
        )


def test_without_an_answer_nobody_is_let_in(live: LivePool, control: Control) -> None:
    control.silent.set()
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        invoke(live)


def test_a_pool_without_a_judge_refuses(blue: Trained) -> None:
    pool = LivePool(workers=1, judge=None)
    try:
        pool.start()
        pool.apply({"e": Endpoint(variants=[variant(blue.folder)])})
        with pytest.raises(ClientError, match="nobody decides"):
            invoke(pool)
    finally:
        pool.close()


def test_invocations_are_told_in_sums_and_refusals_one_by_one(
    live: LivePool, control: Control
) -> None:
    ids = [invoke(live) for _ in range(10)]
    with pytest.raises(ClientError):
        invoke(live, "missing")
    with pytest.raises(ClientError):
        live.client(aws_access_key_id="AKIASTRANGER").invoke_endpoint(EndpointName="e", Body=ROW)
    with pytest.raises(ClientError):
        live.client(aws_secret_access_key="x").invoke_endpoint(EndpointName="e", Body=ROW)
    live.stop()  # which has the workers tell what they still hold
    found = {(told["arn"], told["outcome"]): told for told in control.calls}
    answered = found[ROOT.arn, "ok"]
    assert (answered["resource"], answered["source"]) == (ARN, "127.0.0.1")
    assert sum(told["calls"] for told in control.calls if told["outcome"] == "ok") == 10
    assert (answered["first"], answered["policies"]) == (ids[0], ["p"])
    assert found[ROOT.arn, "ValidationError"]["allowed"]
    assert not found["AKIASTRANGER", "UnrecognizedClientException"]["allowed"]
    assert not found[KEY, "InvalidSignatureException"]["allowed"]


# --- a worker's memory


async def answered(permits: Permits, sent: list[Mapping[str, Any]], *, allowed: bool) -> None:
    asking = asyncio.create_task(permits.ask(QUESTION))
    await asyncio.sleep(0)
    permits.hear(Verdict(number=sent[-1]["number"], allowed=allowed))
    await asking


async def test_many_who_wait_ask_once() -> None:
    sent: list[Mapping[str, Any]] = []
    permits = Permits(sent.append)
    waiting = [asyncio.create_task(permits.ask(QUESTION)) for _ in range(5)]
    await asyncio.sleep(0)
    assert len(sent) == 1
    permits.hear(Verdict(number=sent[0]["number"], allowed=True))
    await asyncio.gather(*waiting)
    found = permits.find(QUESTION)
    assert found is not None
    assert found.allowed


async def test_an_answer_ends_at_its_time_and_is_renewed_ahead_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("modelyard.gateway.permits.time.monotonic", lambda: now[0])
    sent: list[Mapping[str, Any]] = []
    permits = Permits(sent.append)
    await answered(permits, sent, allowed=True)
    now[0] = permitting.KEPT_SECONDS / 2
    assert permits.find(QUESTION) is not None
    assert permits.find(QUESTION) is not None
    await asyncio.sleep(0)
    assert len(sent) == 2  # asked again, once, while the old answer serves
    now[0] = permitting.KEPT_SECONDS
    assert permits.find(QUESTION) is None


async def test_an_answer_from_before_a_change_does_not_count() -> None:
    sent: list[Mapping[str, Any]] = []
    permits = Permits(sent.append)
    asking = asyncio.create_task(permits.ask(QUESTION))
    await asyncio.sleep(0)
    permits.forget()
    await asking
    permits.hear(Verdict(number=sent[0]["number"], allowed=True))
    assert permits.find(QUESTION) is None


# --- sums


def add(sums: CallSums, *, outcome: str = "ok", allowed: bool = True, claimed: str = "") -> None:
    sums.add(
        None if claimed else QUESTION,
        claimed,
        "127.0.0.1",
        allowed=allowed,
        policies=(),
        outcome=outcome,
        reason="",
        request_id="r",
    )


def test_a_flood_of_refusals_is_summed_up() -> None:
    sums = CallSums()
    for _ in range(MAX_SINGLE + 1000):
        add(sums, allowed=False, outcome="AccessDeniedException")
    assert [told["calls"] for told in sums.report()] == [1] * MAX_SINGLE + [1000]
    assert sums.report() == []


def test_a_flood_of_names_is_summed_up() -> None:
    sums = CallSums()
    for number in range(MAX_SINGLE + MAX_KINDS + 500):
        add(sums, allowed=False, outcome="UnrecognizedClientException", claimed=f"AKIA{number}")
    told = sums.report()
    assert len(told) == MAX_SINGLE + MAX_KINDS + 1
    assert told[-1]["calls"] == 500
