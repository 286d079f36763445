"""A server that speaks TLS, and clients that know only what `modelyard env` prints."""

from __future__ import annotations

import io
import json
import os
import ssl
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from modelyard import clock
from tests.certificates import Issuer, new_key, pem_of, write
from tests.clients.jobs import deploy, train
from tests.clients.test_orchestrator import await_state, post, realtime_body
from tests.data import auc, breast_cancer
from tests.live import LiveServer, clean_environment

AWS = Path(sys.executable).with_name("aws")
PART_BYTES = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def endpoint(secure: LiveServer) -> str:
    """The name of an endpoint in service."""
    job = train(secure, "tls")
    assert job["TrainingJobStatus"] == "Completed", job
    settled = deploy(secure, "tls", job["ModelArtifacts"]["S3ModelArtifacts"])
    assert settled["EndpointStatus"] == "InService", settled
    return "tls"


def run(
    server: LiveServer, *command: str | Path, **changed: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that knows what `modelyard env` exports."""
    environment = {**clean_environment(), **server.env, **changed}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=120
    )


def plain_url(server: LiveServer) -> str:
    return server.env["AWS_ENDPOINT_URL"].replace("https://", "http://")


def test_everything_that_is_exported_is_https(secure: LiveServer) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "MODELYARD_URL"):
        assert secure.env[name].startswith("https://127.0.0.1:")


def test_an_endpoint_answers_on_both_ports(secure: LiveServer, endpoint: str) -> None:
    data = breast_cancer()
    for url in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"):
        client = secure.client("sagemaker-runtime", endpoint_url=secure.env[url])
        answer = client.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Body=data.test_csv
        )
        scores = [
            float(value) for value in answer["Body"].read().decode().replace(",", " ").split()
        ]
        assert auc(data.y_test, scores) > 0.98


def test_a_client_that_does_not_know_the_authority_refuses_the_server(
    secure: LiveServer, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Issuer().pem)
    for url in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"):
        client = secure.client(
            "sts",
            endpoint_url=secure.env[url],
            verify=str(other),
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        with pytest.raises(botocore.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get_caller_identity()


def test_plain_http_is_told_where_to_go_and_nothing_is_served(secure: LiveServer) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/"):
        ran = run(secure, "curl", "-s", "-w", "\n%{http_code}", plain_url(secure) + path)
        sentence, _, status = ran.stdout.strip().rpartition("\n")
        assert status == "400"
        assert sentence.strip().endswith(f"use {secure.env['AWS_ENDPOINT_URL']}")


def test_boto3_says_that_sentence_too(secure: LiveServer) -> None:
    client = secure.client("sagemaker", endpoint_url=plain_url(secure))
    with pytest.raises(botocore.exceptions.ClientError, match="this port speaks HTTPS"):
        client.list_models()


def test_curl_verifies_the_server(secure: LiveServer) -> None:
    ran = run(secure, "curl", "-sS", secure.env["AWS_ENDPOINT_URL"] + "/healthz")
    assert json.loads(ran.stdout) == {"status": "ok"}
    ran = run(
        secure,
        "curl",
        "-sS",
        secure.env["AWS_ENDPOINT_URL"] + "/healthz",
        CURL_CA_BUNDLE=botocore_bundle(),
        SSL_CERT_FILE=botocore_bundle(),
    )
    assert "certificate" in ran.stderr


def botocore_bundle() -> str:
    return str(Path(botocore.__file__).with_name("cacert.pem"))


def test_the_aws_cli_needs_the_exports_only(secure: LiveServer, tmp_path: Path) -> None:
    ran = run(secure, AWS, "sts", "get-caller-identity", "--output", "json")
    assert json.loads(ran.stdout)["Account"] == "123456789012", ran.stderr
    refused = run(
        secure,
        AWS,
        "sts",
        "get-caller-identity",
        "--ca-bundle",
        botocore_bundle(),
        AWS_CA_BUNDLE="",
    )
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
    big = tmp_path / "big"
    big.write_bytes(os.urandom(10 * 1024 * 1024))  # more than eight megabytes go in parts
    for copied in ((big, f"s3://{secure.bucket}/cli"), (f"s3://{secure.bucket}/cli", f"{big}.2")):
        ran = run(secure, AWS, "s3", "cp", "--quiet", *map(str, copied))
        assert ran.returncode == 0, ran.stderr
    assert Path(f"{big}.2").read_bytes() == big.read_bytes()


def test_our_own_commands_verify_the_server(secure: LiveServer, endpoint: str) -> None:
    row = breast_cancer().test_csv.splitlines()[0]
    by_home = secure.cli("invoke", endpoint, "--body", row)
    assert 0 <= float(by_home.stdout) <= 1
    command = [sys.executable, "-m", "modelyard", "invoke", endpoint, "--body", row]
    by_exports = run(secure, *command)
    assert by_exports.stdout == by_home.stdout, by_exports.stderr
    refused = run(secure, *command, SSL_CERT_FILE=botocore_bundle())
    assert refused.returncode == 1
    assert "is not to be trusted" in refused.stderr


def test_a_pipelines_own_inference_url_is_https_and_answers(
    secure: LiveServer, endpoint: str
) -> None:
    artifact = secure.client("sagemaker").describe_model(ModelName=endpoint)["PrimaryContainer"]
    body = realtime_body(secure, "tls-url", artifact["ModelDataUrl"])
    status, answer = post(secure, "/provisionpipeline", body)
    assert status == 200, answer
    outputs = await_state(secure, answer["pipeline_id"])["stack"]["outputs"]
    url = next(value for key, value in outputs.items() if "RestApiEndpoint" in key)
    assert url.startswith(secure.env["AWS_ENDPOINT_URL"])
    row = breast_cancer().test_csv.splitlines()[0]
    # The server itself asks its gateway, over TLS as well.
    status, score = post(secure, url + "inference", {"payload": row, "content_type": "text/csv"})
    assert status == 200, score
    assert 0 <= float(score) <= 1


class Stream(io.RawIOBase):
    """A body that is read once, and cannot be measured or rewound."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)


def test_objects_of_every_size_and_kind_pass_unchanged(secure: LiveServer) -> None:
    s3 = secure.client("s3")
    for size in (0, 1, 65_537, 9 * 1024 * 1024):
        body = os.urandom(size)
        s3.put_object(Bucket=secure.bucket, Key=f"tls/{size}", Body=body)
        assert s3.get_object(Bucket=secure.bucket, Key=f"tls/{size}")["Body"].read() == body


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", "SHA1"])
def test_a_streamed_upload_with_its_checksum_behind_it_is_kept_whole(
    secure: LiveServer, algorithm: str
) -> None:
    body, s3 = os.urandom(3_000_000), secure.client("s3")
    seen: list[bytes] = []
    s3.meta.events.register(
        "before-send.s3.PutObject",
        lambda request, **_: seen.append(request.headers["X-Amz-Content-SHA256"]),
    )
    s3.put_object(
        Bucket=secure.bucket,
        Key=f"tls/streamed/{algorithm}",
        Body=io.BytesIO(body),
        ChecksumAlgorithm=algorithm,
    )
    # Over TLS botocore signs no body: it comes in chunks, its checksum in a trailer.
    assert b"STREAMING-UNSIGNED-PAYLOAD-TRAILER" in [
        value if isinstance(value, bytes) else str(value).encode() for value in seen
    ]
    answer = s3.get_object(
        Bucket=secure.bucket, Key=f"tls/streamed/{algorithm}", ChecksumMode="ENABLED"
    )
    assert answer["Body"].read() == body
    assert answer[f"Checksum{algorithm}"]


def test_a_file_in_parts_and_a_stream_of_unknown_length_are_kept_whole(
    secure: LiveServer, tmp_path: Path
) -> None:
    body, s3 = os.urandom(4 * PART_BYTES + 7), secure.client("s3")
    path = tmp_path / "file"
    path.write_bytes(body)
    config = boto3.s3.transfer.TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES
    )
    s3.upload_file(str(path), secure.bucket, "tls/file", Config=config)
    s3.upload_fileobj(Stream(body), secure.bucket, "tls/stream", Config=config)
    for key in ("tls/file", "tls/stream"):
        back = io.BytesIO()
        s3.download_fileobj(secure.bucket, key, back, Config=config)
        assert back.getvalue() == body
        assert s3.head_object(Bucket=secure.bucket, Key=key)["ETag"].endswith('-5"')


def test_env_insists_on_tls_when_asked_to(server: LiveServer, secure: LiveServer) -> None:
    assert secure.cli("env", "--tls").returncode == 0
    refused = server.cli("env", "--tls", check=False)
    assert "start it with 'modelyard up --tls'" in refused.stderr


def test_the_bundle_verifies_the_rest_of_the_world_too(secure: LiveServer) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(secure.env["AWS_CA_BUNDLE"])
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone.load_verify_locations(botocore_bundle())
    assert context.cert_store_stats()["x509_ca"] > alone.cert_store_stats()["x509_ca"]


def test_a_role_that_does_not_exist_cannot_be_acted_as(secure: LiveServer) -> None:
    refused = secure.cli("env", "--role", "nobody", check=False)
    assert refused.returncode == 1
    assert "the role nobody cannot be assumed" in refused.stderr


def served(url: str) -> str:
    """Return the certificate that a server greets with, in PEM."""
    host, _, port = url.partition("://")[2].rpartition(":")
    return ssl.get_server_certificate((host, int(port))).strip()


def test_the_users_certificate_is_served_and_its_successor_without_a_restart(
    tmp_path: Path,
) -> None:
    issuer = Issuer()
    first, second = issuer.issue("127.0.0.1"), issuer.issue("127.0.0.1")
    chain, key = write(tmp_path, first)
    given = {"MODELYARD_TLS_CERTIFICATE": str(chain), "MODELYARD_TLS_KEY": str(key)}
    live = LiveServer(tmp_path / "home", environment=given, options=["--tls"]).start()
    urls = [live.env["AWS_ENDPOINT_URL"], live.env["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"]]
    try:
        assert live.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert all(served(url) in first.chain.decode() for url in urls)
        assert not (tmp_path / "home/tls/ca.key").exists()
        # For a moment the two do not belong together: the old ones go on.
        write(tmp_path, second)
        deadline = time.monotonic() + 60
        while not all(served(url) in second.chain.decode() for url in urls):
            assert time.monotonic() < deadline, live.log.read_text()
            time.sleep(0.2)
        assert live.client("sts").get_caller_identity()["Account"] == "123456789012"
    finally:
        assert live.stop() == 0, live.log.read_text()


def test_a_users_certificate_with_every_fault_is_refused_at_the_start(tmp_path: Path) -> None:
    begin = clock.now() - timedelta(days=40)
    issued = Issuer().issue("elsewhere.example.org", begin=begin, life=timedelta(days=10))
    chain, key = write(tmp_path, issued)
    key.write_bytes(pem_of(new_key()))
    key.chmod(0o644)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "modelyard", "up", "--tls"),
            *("--home", str(tmp_path / "home"), "--port", "0", "--gateway-port", "0"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            **clean_environment(),
            "MODELYARD_TLS_CERTIFICATE": str(chain),
            "MODELYARD_TLS_KEY": str(key),
        },
    )
    assert ran.returncode == 1
    said = ran.stderr
    assert "expired at" in said
    assert "is for elsewhere.example.org" in said
    assert "chmod 600" in said
    assert "Traceback" not in said
