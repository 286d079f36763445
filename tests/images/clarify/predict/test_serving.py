"""A serving program on a port or on a socket, well or not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from modelyard.images.clarify.data.encoding import Encoding
from modelyard.images.clarify.predict import requests
from modelyard.images.clarify.predict.answers import Places
from modelyard.images.clarify.predict.requests import RequestWriter
from modelyard.images.clarify.predict.serving import ServingProgram, concurrency_of
from modelyard.images.processing.errors import ClientError
from tests.images.clarify.serving import Rows, Scores, Served, serving

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, None]})
ENCODING = Encoding.of(FRAME)
ROWS = ENCODING.encode(FRAME)


def first(rows: Rows) -> Scores:
    return np.array([row[0] for row in rows])


def program(address: str, kind: str = "text/csv", **options: str) -> ServingProgram:
    writer = RequestWriter(kind, options.pop("template", None))
    return ServingProgram(
        [address], writer=writer, accept="text/csv", places=Places(), concurrency=2, **options
    )


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(first) as found:
        yield found


def test_programs_that_are_all_alike_share_the_requests(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_BYTES", 1)  # a request for each row
    with serving(first) as other:
        addresses = [served.address, other.address]
        writer = RequestWriter("text/csv", None)
        asked = ServingProgram(
            addresses, writer=writer, accept="text/csv", places=Places(), concurrency=4
        )
        asked.wait(30)
        many = np.repeat(ROWS, 20, axis=0)
        assert asked.predict(many, ENCODING).figures()[::20].tolist() == [[1], [2], [3]]
        asked.close()
        assert len(served.bodies) + len(other.bodies) == 60


def test_it_is_asked_on_a_port(served: Served) -> None:
    asked = program(served.address, custom_attributes="trace=7")
    assert asked.predict(ROWS, ENCODING).figures().tolist() == [[1], [2], [3]]
    assert served.bodies == [b"1,0.5\n2,1.5\n3,\n"]
    assert served.headers[0]["X-Amzn-SageMaker-Custom-Attributes"] == "trace=7"
    assert served.headers[0]["Accept"] == "text/csv"
    asked.close()


def test_it_is_asked_on_a_socket_by_either_spelling() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="clarify") as folder,  # a socket's path must be short
        serving(first, Path(folder) / "s") as served,
    ):
        for address in (served.address, served.address.removeprefix("unix://")):
            asked = program(address)
            asked.wait(5)
            assert asked.predict(ROWS, ENCODING).figures().tolist() == [[1], [2], [3]]
            asked.close()


def test_rows_in_many_requests_come_back_in_their_order(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_BYTES", 200)
    frame = pl.DataFrame({"a": range(500)})
    encoding = Encoding.of(frame)
    asked = program(served.address)
    found = asked.predict(encoding.encode(frame), encoding).figures()
    assert found[:, 0].tolist() == list(range(500))
    assert len(served.bodies) > 5
    asked.close()


def test_it_is_waited_for(served: Served) -> None:
    served.pings_until_ready = 3
    asked = program(served.address)
    asked.wait(30)
    assert served.pings_until_ready < 0
    asked.close()


def test_one_that_never_becomes_ready_is_named(served: Served) -> None:
    served.pings_until_ready = 10**6
    asked = program(served.address)
    with pytest.raises(ClientError, match=r"is not ready after 0\.2 s: GET /ping answers 503"):
        asked.wait(0.2)
    asked.close()


def test_a_busy_one_is_asked_again(served: Served) -> None:
    served.failures_ahead = [503, 429]
    asked = program(served.address)
    assert asked.predict(ROWS, ENCODING).figures().tolist() == [[1], [2], [3]]
    asked.close()


def test_an_error_of_the_model_is_told_with_its_words(served: Served) -> None:
    served.broken = (500, "could not convert string to float")
    asked = program(served.address)
    message = "answered 500 to 3 records of text/csv: could not convert string to float"
    with pytest.raises(ClientError, match=message):
        asked.predict(ROWS, ENCODING)
    assert len(served.bodies) == 1  # an error is not tried again
    asked.close()


def test_an_answer_to_fewer_rows_is_an_error(served: Served) -> None:
    served.broken = (200, "0.5\n0.5")
    asked = program(served.address)
    with pytest.raises(ClientError, match="answers 2 records to 3 that it was asked about"):
        asked.predict(ROWS, ENCODING)
    asked.close()


def test_nobody_who_listens_is_an_error_that_names_the_address() -> None:
    asked = program("unix:///nowhere/at/all")
    with pytest.raises(ClientError, match="the serving program at unix:///nowhere/at/all does not"):
        asked.predict(ROWS, ENCODING)
    asked.close()


@pytest.mark.parametrize("address", ["https://h:1", "h:1", "http://h/path", "http://h:x", "unix:s"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ClientError, match="must be http://HOST:PORT, unix:///PATH or the path"):
        program(address)


def test_as_many_requests_are_under_way_as_is_said() -> None:
    assert concurrency_of({"CLARIFY_PREDICTOR_CONCURRENCY": "7"}) == 7
    assert concurrency_of({}) >= 2
