from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import pytest

from modelyard.api.s3 import patience
from modelyard.api.s3.call import Answer, Call, xml_answer
from modelyard.api.s3.errors import S3Error
from modelyard.api.s3.patience import patiently

CALL = cast(Call, SimpleNamespace(operation="CopyObject", resource="/b/k", request_id="1"))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients get a sign of life at once."""
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.001)


async def whole(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join([piece async for piece in answer.body])


async def test_what_is_quick_is_answered_as_ever() -> None:
    async def work() -> Answer:
        return xml_answer("Done", "1")

    answer = await patiently(CALL, work())
    assert isinstance(answer.body, bytes)

    async def fail() -> Answer:
        raise S3Error("NoSuchKey")

    with pytest.raises(S3Error, match="NoSuchKey"):
        await patiently(CALL, fail())


@pytest.mark.usefixtures("hurried")
async def test_who_waits_gets_blanks_and_then_the_document() -> None:
    go_on = asyncio.Event()

    async def work() -> Answer:
        await go_on.wait()
        return xml_answer("Done", "1")

    answer = await patiently(CALL, work())
    assert answer.status == 200
    assert not isinstance(answer.body, bytes)
    pieces = aiter(answer.body)
    body = await anext(pieces) + await anext(pieces) + await anext(pieces)
    go_on.set()
    body += b"".join([piece async for piece in pieces])
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n  ')
    assert ElementTree.fromstring(body).text == "1"


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("error", "code"),
    [(S3Error("NoSuchKey"), "NoSuchKey"), (LookupError("secret"), "InternalError")],
)
async def test_who_waits_is_told_of_a_failure_in_the_document(error: Exception, code: str) -> None:
    async def work() -> Answer:
        await asyncio.sleep(0.05)
        raise error

    body = await whole(await patiently(CALL, work()))
    tree = ElementTree.fromstring(body)
    assert (tree.tag, tree.findtext("Code"), tree.findtext("RequestId")) == ("Error", code, "1")
    assert b"secret" not in body
