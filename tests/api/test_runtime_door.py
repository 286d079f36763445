from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.exceptions import ClientError

from modelyard.gateway.relay import HEADER
from tests.api.world import RELAY, House


def test_an_invocation_reaches_the_gateway_with_its_signature_intact(house: House) -> None:
    answer = house.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="e",
        Body=b"1,2,3",
        ContentType="text/csv",
        TargetVariant="blue",
        CustomAttributes="a=b",
    )
    assert answer["Body"].read() == b"5 bytes"
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    seen = house.gateway.seen[-1]
    assert seen["host"] == urlsplit(house.url).netloc
    assert seen["x-amzn-sagemaker-target-variant"] == "blue"
    assert seen["x-amzn-sagemaker-custom-attributes"] == "a=b"


def test_a_bearer_token_goes_on_to_the_gateway(house: House) -> None:
    answer = house.send("POST", "/endpoints/e/invocations", body=b"1" * 100_000)
    assert (answer.status, answer.data) == (200, b"100000 bytes")


def test_headers_are_neither_added_nor_lost(house: House) -> None:
    parts = urlsplit(house.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0)) as connection:
        connection.sendall(
            b"POST /endpoints/e/invocations HTTP/1.1\r\n"
            + f"Host: {parts.netloc}\r\n".encode()
            + f"Authorization: Bearer {house.credentials.token}\r\n".encode()
            + b"X-Odd: 1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            + b"3\r\nabc\r\n0\r\n\r\n"
        )
        with connection.makefile("rb") as file:
            assert b" 200 " in file.readline()
            file.read()
    seen = dict(house.gateway.seen[-1])
    assert seen.pop("authorization").startswith("Bearer")
    assert seen.pop(HEADER)
    assert seen == {"host": parts.netloc, "x-odd": "1", "transfer-encoding": "chunked"}


def test_the_gateway_is_told_whom_an_invocation_is_relayed_for(house: House) -> None:
    assert house.send("POST", "/endpoints/e/invocations", body=b"1").status == 200
    assert house.gateway.seen[-1][HEADER] == RELAY.introduction("127.0.0.1")


@pytest.mark.parametrize("name", [HEADER, HEADER.title(), HEADER.upper()])
def test_nobody_tells_the_gateway_through_the_door_to_be_another(house: House, name: str) -> None:
    forged = {name: RELAY.introduction("192.0.2.7")}
    house.send("POST", "/endpoints/e/invocations", body=b"1", **forged)
    assert house.gateway.seen[-1][HEADER] == RELAY.introduction("127.0.0.1")


def test_the_gateways_error_comes_back_as_it_is(house: House) -> None:
    client = house.client("sagemaker-runtime")
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(EndpointName="model-error", Body=b"1")
    assert caught.value.response["OriginalMessage"] == "bad row"


def test_a_wrong_secret_is_refused_by_the_gateway(house: House) -> None:
    client = house.client("sagemaker-runtime", aws_secret_access_key="wrong")
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName="e", Body=b"1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert house.gateway.seen


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"aws_access_key_id": "AKIASTRANGER00000000"}, "UnrecognizedClientException"),
        ({"aws_session_token": "forged"}, "UnrecognizedClientException"),
    ],
)
def test_a_strangers_bytes_go_nowhere(house: House, overrides: dict[str, str], code: str) -> None:
    before = len(house.gateway.seen)
    with pytest.raises(ClientError) as caught:
        house.client("sagemaker-runtime", **overrides).invoke_endpoint(EndpointName="e", Body=b"1")
    assert caught.value.response["Error"]["Code"] == code
    assert len(house.gateway.seen) == before


def test_a_payload_of_26_megabytes_is_refused_while_it_is_sent(house: House) -> None:
    with pytest.raises(ClientError, match="25000000 bytes") as caught:
        house.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"1" * 26_000_000)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_payload_of_25_megabytes_passes(house: House) -> None:
    answer = house.send("POST", "/endpoints/e/invocations", body=b"1" * 25_000_000)
    assert (answer.status, answer.data) == (200, b"25000000 bytes")


def test_chunks_without_end_are_refused(house: House) -> None:
    chunks = (b"1" * (1 << 20) for _ in range(26))
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(
            "POST",
            house.url + "/endpoints/e/invocations",
            body=chunks,
            headers={"Authorization": f"Bearer {house.credentials.token}"},
        )
    assert answer.status == 413


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:1"])
def test_without_a_gateway_the_client_may_try_again(house: House, url: str | None) -> None:
    real, house.gateway.url = house.gateway.url, url
    try:
        answer = house.send("POST", "/endpoints/e/invocations", body=b"1")
    finally:
        house.gateway.url = real
    assert answer.status == 503
    assert answer.headers["x-amzn-errortype"] == "ServiceUnavailable"
    assert "try again" in json.loads(answer.data)["message"]


@pytest.mark.parametrize("path", ["/endpoints/e/async-invocations", "/endpoints/invocations"])
def test_other_paths_are_not_the_gateways(house: House, path: str) -> None:
    before = len(house.gateway.seen)
    assert house.send("POST", path, body=b"1").status == 404
    assert len(house.gateway.seen) == before
