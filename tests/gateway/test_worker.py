"""Workers as clients see them: real processes, and boto3."""

from __future__ import annotations

import json
import math
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from botocore.exceptions import ClientError

from modelyard import clock, sealing
from modelyard.gateway.routes import Endpoint
from tests.gateway.conftest import Trained
from tests.gateway.live import ACCOUNT, SEALING_KEY, TOKEN, LivePool, capture, captured, key, until
from tests.gateway.live import variant as served
from tests.gateway.models import as_csv, expected, rows

ROW = rows(1, seed=5)


@pytest.fixture(scope="module")
def client(pool: LivePool, blue: Trained, green: Trained, classes: Trained) -> Any:
    failed = pool.apply(
        {
            "one": Endpoint(variants=[served(blue.folder)]),
            "classes": Endpoint(variants=[served(classes.folder)]),
            "two": Endpoint(
                variants=[
                    served(blue.folder, "blue", 3.0),
                    served(green.folder, "green", 1.0),
                    served(green.folder, "dark", 0.0),
                ]
            ),
            "off": Endpoint(variants=[served(blue.folder, weight=0.0)]),
            "labels": Endpoint(
                variants=[
                    served(
                        blue.folder,
                        SAGEMAKER_INFERENCE_OUTPUT="predicted_label,probability",
                        SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json",
                    )
                ]
            ),
        }
    )
    assert failed == {}
    return pool.client()


def score(answer: Any) -> float:
    return float(answer["Body"].read())


def near(model: Trained) -> Any:
    """Return the prediction of `ROW`, to compare with."""
    return pytest.approx(float(expected(model.booster, ROW)[0]), rel=1e-5)


def failure(call: Any, **arguments: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value


def test_an_invocation_is_answered_as_sagemaker_answers_it(client: Any, blue: Trained) -> None:
    answer = client.invoke_endpoint(
        EndpointName="one",
        Body=as_csv(ROW),
        ContentType="text/csv",
        Accept="text/csv",
        CustomAttributes="trace=1",
        InferenceId="mine",
    )
    assert score(answer) == near(blue)
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "trace=1"
    assert uuid.UUID(answer["ResponseMetadata"]["RequestId"]).version == 4


@pytest.mark.parametrize("count", [1, 5, 300, 20_000])
def test_any_number_of_rows_is_predicted_in_order(client: Any, blue: Trained, count: int) -> None:
    features = rows(count, seed=count)
    answer = client.invoke_endpoint(
        EndpointName="one", Body=as_csv(features), ContentType="text/csv"
    )
    found = np.array(answer["Body"].read().split(b","), dtype=np.float32)
    np.testing.assert_allclose(found, expected(blue.booster, features), rtol=1e-5)


def bodies() -> dict[str, bytes]:
    values = [None if math.isnan(value) else float(value) for value in ROW[0]]
    sparse = " ".join(f"{i}:{v!r}" for i, v in enumerate(values) if v is not None)
    return {
        "text/csv": as_csv(ROW),
        "application/json": json.dumps({"instances": [{"features": values}]}).encode(),
        "application/jsonlines": json.dumps({"features": values}).encode() + b"\n",
        "text/libsvm": sparse.encode(),
        "text/x-libsvm": b"1 " + sparse.encode(),
    }


@pytest.mark.parametrize("content_type", bodies())
def test_every_content_type_says_the_same(client: Any, blue: Trained, content_type: str) -> None:
    answer = client.invoke_endpoint(
        EndpointName="one", Body=bodies()[content_type], ContentType=content_type
    )
    assert score(answer) == near(blue)


def test_several_classes_come_as_a_list(client: Any, classes: Trained) -> None:
    answer = client.invoke_endpoint(
        EndpointName="classes", Body=as_csv(ROW), ContentType="text/csv", Accept="application/json"
    )
    assert answer["ContentType"] == "application/json"
    found = json.loads(answer["Body"].read())["predictions"][0]["score"]
    np.testing.assert_allclose(found, expected(classes.booster, ROW)[0], rtol=1e-5)


def test_the_models_environment_chooses_what_is_told(client: Any, blue: Trained) -> None:
    answer = client.invoke_endpoint(EndpointName="labels", Body=as_csv(ROW), ContentType="text/csv")
    wanted = float(expected(blue.booster, ROW)[0])
    found = json.loads(answer["Body"].read())["predictions"]
    assert found == [{"predicted_label": int(wanted > 0.5), "probability": pytest.approx(wanted)}]


def test_names_are_looked_up_whatever_their_case(client: Any) -> None:
    assert client.invoke_endpoint(EndpointName="ONE", Body=as_csv(ROW), ContentType="text/csv")


def test_no_body_is_no_content(pool: LivePool, client: Any) -> None:
    answer = client.invoke_endpoint(EndpointName="one", Body=b"", ContentType="text/csv")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert answer["Body"].read() == b""


def test_variants_get_their_share_and_those_of_weight_0_only_what_names_them(
    client: Any,
) -> None:
    invoked = [
        client.invoke_endpoint(EndpointName="two", Body=as_csv(ROW), ContentType="text/csv")[
            "InvokedProductionVariant"
        ]
        for _ in range(200)
    ]
    assert set(invoked) == {"blue", "green"}
    assert 110 < invoked.count("blue") < 185  # 150 is expected; outside once in 10^7 runs
    for name in ("green", "dark"):
        answer = client.invoke_endpoint(
            EndpointName="two", TargetVariant=name, Body=as_csv(ROW), ContentType="text/csv"
        )
        assert answer["InvokedProductionVariant"] == name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"EndpointName": "nowhere"}, f"Endpoint nowhere of account {ACCOUNT} not found."),
        ({"TargetVariant": "red"}, "Variant 'red' not found for Request. The endpoint has AllTr"),
        ({"EndpointName": "off"}, "have the weight 0"),
        ({"TargetModel": "a.tar.gz"}, "TargetModel is for a multi-model endpoint"),
        ({"TargetContainerHostname": "c"}, "TargetContainerHostname is for a multi-container"),
        ({"InferenceComponentName": "c"}, "InferenceComponentName is for"),
        ({"EnableExplanations": "`true`"}, "EnableExplanations is for"),
        ({"SessionId": "NEW_SESSION"}, "SessionId is for"),
        ({"InferenceId": "i" * 65}, "at 'inferenceId' failed to satisfy constraint"),
        ({"CustomAttributes": "c" * 1025}, "at 'customAttributes' failed to satisfy constraint"),
    ],
)
def test_what_the_service_refuses_is_a_validation_error(
    client: Any, arguments: dict[str, str], said: str
) -> None:
    request = {"EndpointName": "one", "Body": as_csv(ROW), "ContentType": "text/csv"}
    error = failure(client.invoke_endpoint, **{**request, **arguments})
    assert error.response["Error"]["Code"] == "ValidationError"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert said in error.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ({"Body": b"1,2,NaN,4"}, 400, "row 1, column 3: 'NaN' is not a number"),
        ({"Body": b"1,2,3"}, 400, "row 1 has 3 columns"),
        ({"Body": b"{}", "ContentType": "application/json"}, 400, "instance 1"),
        ({"ContentType": "image/png"}, 415, "'image/png' is not supported"),
        ({"Accept": "image/png"}, 406, "'image/png' is not supported"),
        ({"Body": b"1,2,3,x\n" * 10_000}, 400, "row 1, column 4: 'x'"),
    ],
)
def test_what_the_model_refuses_is_a_model_error_around_its_own_status(
    client: Any, arguments: dict[str, Any], status: int, said: str
) -> None:
    request = {"EndpointName": "one", "Body": as_csv(ROW), "ContentType": "text/csv"}
    error = failure(client.invoke_endpoint, **{**request, **arguments})
    response: dict[str, Any] = dict(error.response)
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert said in response["OriginalMessage"]
    assert response["OriginalMessage"] in response["Error"]["Message"]


@pytest.mark.parametrize("size", [26_000_000, 26 << 20])
def test_a_payload_of_26_megabytes_is_refused_with_413(client: Any, size: int) -> None:
    error = failure(client.invoke_endpoint, EndpointName="one", Body=b"1" * size)
    assert error.response["Error"]["Code"] == "ValidationError"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert "less than or equal to 25000000" in error.response["Error"]["Message"]


def test_a_payload_of_20_megabytes_is_answered(client: Any, blue: Trained) -> None:
    line = as_csv(ROW) + b"\n"
    count = 20_000_000 // len(line)
    answer = client.invoke_endpoint(EndpointName="one", Body=line * count, ContentType="text/csv")
    found = answer["Body"].read().split(b",")
    assert len(found) == count
    assert float(found[-1]) == near(blue)


def test_callers_who_prove_nothing_are_refused(pool: LivePool, client: Any) -> None:
    for overrides, code in (
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIASTRANGER"}, "UnrecognizedClientException"),
        ({"aws_session_token": "forged"}, "UnrecognizedClientException"),
    ):
        error = failure(
            pool.client(**overrides).invoke_endpoint, EndpointName="one", Body=as_csv(ROW)
        )
        assert error.response["Error"]["Code"] == code
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_endpoint_of_another_region_is_not_found(pool: LivePool, client: Any) -> None:
    elsewhere = pool.client(region_name="eu-west-1")
    error = failure(elsewhere.invoke_endpoint, EndpointName="one", Body=as_csv(ROW))
    assert "not found" in error.response["Error"]["Message"]


def test_temporary_credentials_and_bearer_tokens_are_accepted(
    pool: LivePool, client: Any, blue: Trained
) -> None:
    session = sealing.Session(
        access_key_id="ASIALIVE",
        secret="temporary",
        account=ACCOUNT,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/r",
        session_name="s",
        expires_at=clock.now() + timedelta(minutes=5),
    )
    assumed = pool.client(
        aws_access_key_id="ASIALIVE",
        aws_secret_access_key="temporary",
        aws_session_token=sealing.seal_session(session, SEALING_KEY),
    )
    answer = assumed.invoke_endpoint(EndpointName="one", Body=as_csv(ROW), ContentType="text/csv")
    assert score(answer) == near(blue)
    url = f"{pool.url}/endpoints/one/invocations"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with urllib3.PoolManager(retries=False) as http:
        found = http.request("POST", url, body=as_csv(ROW), headers=bearer)
    assert float(found.data) == near(blue)


def test_nothing_but_healthz_answers_without_credentials(pool: LivePool, client: Any) -> None:
    with urllib3.PoolManager(retries=False) as http:
        assert http.request("GET", f"{pool.url}/healthz").status == 200
        for method, path in (
            ("GET", "/"),
            ("GET", "/metrics"),
            ("POST", "/endpoints/one/invocations"),
            ("POST", "/healthz"),
            ("GET", "/healthz/../endpoints/one/invocations"),
        ):
            answer = http.request(method, pool.url + path)
            assert answer.status == 403
            assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    "path", ["/endpoints/one/async-invocations", "/endpoints/one", "/", "/ping", "/endpoints//x"]
)
def test_what_is_not_offered_says_so(pool: LivePool, client: Any, path: str) -> None:
    with urllib3.PoolManager(retries=False) as http:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        answer = http.request("POST", pool.url + path, body=b"1", headers=bearer)
    assert answer.status == 404
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"
    assert "is not offered here" in answer.json()["Message"]


def test_a_model_that_does_not_load_fails_its_endpoint_and_no_other(
    pool: LivePool, client: Any, blue: Trained, green: Trained, tmp_path: Path
) -> None:
    one = Endpoint(variants=[served(blue.folder)])
    assert pool.apply({"one": one}) == {}
    failed = pool.apply(
        {
            "one": Endpoint(variants=[served(tmp_path)]),
            "new": Endpoint(variants=[served(tmp_path)]),
            "wrong": Endpoint(variants=[served(blue.folder, SAGEMAKER_INFERENCE_OUTPUT="x")]),
            "fine": Endpoint(variants=[served(green.folder)]),
        }
    )
    assert set(failed) == {key("one"), key("new"), key("wrong")}
    assert "has not been prepared" in failed[key("one")]
    assert "asks for 'x'" in failed[key("wrong")]
    request = {"Body": as_csv(ROW), "ContentType": "text/csv"}
    found = score(client.invoke_endpoint(EndpointName="one", **request))
    assert found == near(blue)  # as it was
    found = score(client.invoke_endpoint(EndpointName="fine", **request))
    assert found == near(green)
    assert "not found" in str(failure(client.invoke_endpoint, EndpointName="new", **request))


def test_what_is_captured_is_what_was_asked_and_answered(
    pool: LivePool, client: Any, blue: Trained, tmp_path: Path
) -> None:
    kept = capture(tmp_path, "Kept")
    assert pool.apply({"kept": Endpoint(variants=[served(blue.folder)], capture=kept)}) == {}
    before = clock.now().replace(microsecond=0)
    answer = client.invoke_endpoint(
        EndpointName="Kept", Body=as_csv(ROW), ContentType="text/csv", InferenceId="mine"
    )
    (record,) = until(lambda: captured(tmp_path))
    assert record["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": as_csv(ROW).decode(),
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "OUTPUT",
            "data": answer["Body"].read().decode(),
            "encoding": "CSV",
        },
    }
    assert record["eventVersion"] == "0"
    meta = record["eventMetadata"]
    assert meta["eventId"] == answer["ResponseMetadata"]["RequestId"]
    assert meta["inferenceId"] == "mine"
    assert before.isoformat()[:19] <= meta["inferenceTime"] <= clock.now().isoformat()[:19] + "Z"
    failure(client.invoke_endpoint, EndpointName="kept", Body=b"x")
    assert len(captured(tmp_path)) == 1  # what was refused is not captured


def test_workers_count_what_they_answer(pool: LivePool, client: Any, blue: Trained) -> None:
    assert pool.apply({"counted": Endpoint(variants=[served(blue.folder)])}) == {}
    for _ in range(6):
        client.invoke_endpoint(EndpointName="counted", Body=as_csv(ROW), ContentType="text/csv")
    failure(client.invoke_endpoint, EndpointName="counted", Body=b"x", ContentType="text/csv")

    def tally() -> Any:
        found = pool.pool.metrics().get(key("counted"), {}).get("AllTraffic")
        return found if found is not None and found.invocations == 7 else None

    counted = until(tally)
    assert (counted.errors_4xx, counted.errors_5xx) == (1, 0)
    assert sum(counted.model_buckets) == 7
    assert counted.model_seconds > 0
