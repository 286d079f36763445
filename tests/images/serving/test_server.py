"""A model served by its image's own program answers under the hosting contract."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

PROGRAM = """
from pathlib import Path
from modelyard.images.serving import Answer, Refused, serve

class Upper:
    def __init__(self, folder: Path) -> None:
        self.suffix = (folder / "suffix").read_bytes()

    def score(self, body: bytes, content_type: str, accept: str) -> Answer:
        if content_type != "text/plain":
            raise Refused(415, f"Content-Type {content_type!r} is not known: use text/plain")
        return Answer(body=body.upper() + self.suffix, content_type=accept or "text/plain")

serve(Upper)
"""


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("served")
    (base / "model").mkdir()
    (base / "model" / "suffix").write_text("!")
    path = base / "s"
    environment = {
        **os.environ,
        "SAGEMAKER_BASE_DIR": str(base),
        "MODELYARD_SERVE_SOCKET": str(path),
    }
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment) as process:
        deadline = time.monotonic() + 60
        while not path.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        yield path
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


async def _ask(socket: Path, method: str, path: str, **more: object) -> tuple[int, bytes, str]:
    connector = aiohttp.UnixConnector(str(socket))
    async with (
        aiohttp.ClientSession("http://model", connector=connector) as session,
        session.request(method, path, **more) as answer,  # type: ignore[arg-type]
    ):
        return answer.status, await answer.read(), answer.content_type


async def test_it_answers_ping_with_nothing(socket: Path) -> None:
    assert (await _ask(socket, "GET", "/ping"))[:2] == (200, b"")


async def test_it_answers_an_invocation_in_the_form_that_is_accepted(socket: Path) -> None:
    headers = {"Content-Type": "text/plain", "Accept": "text/x-loud"}
    answer = await _ask(socket, "POST", "/invocations", data=b"abc", headers=headers)
    assert answer == (200, b"ABC!", "text/x-loud")


async def test_a_refusal_has_its_status_and_its_words(socket: Path) -> None:
    headers = {"Content-Type": "image/png"}
    status, body, _ = await _ask(socket, "POST", "/invocations", data=b"abc", headers=headers)
    assert status == 415
    assert b"use text/plain" in body


async def test_a_long_body_arrives_whole(socket: Path) -> None:
    headers = {"Content-Type": "text/plain"}
    body = b"x" * 20_000_000
    answer = await _ask(socket, "POST", "/invocations", data=io.BytesIO(body), headers=headers)
    assert answer[1] == body.upper() + b"!"


async def test_it_says_how_a_batch_transform_is_to_ask(socket: Path) -> None:
    _, body, _ = await _ask(socket, "GET", "/execution-parameters")
    assert json.loads(body)["BatchStrategy"] == "MULTI_RECORD"


async def test_any_other_path_is_not_found(socket: Path) -> None:
    assert (await _ask(socket, "GET", "/models"))[0] == 404
