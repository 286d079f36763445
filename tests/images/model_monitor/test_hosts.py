from __future__ import annotations

import json
import socket
import threading
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from modelyard.images.model_monitor.data_quality import analysis
from modelyard.images.model_monitor.hosts import Hosts, collect, send
from modelyard.images.processing.errors import ClientError
from modelyard.images.processing.layout import Layout
from tests.images.model_monitor.jobs import csv_files, run, write

TWO = ("127.0.0.1", "127.0.0.2")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_the_first_host_by_name_leads(tmp_path: Path) -> None:
    assert Hosts.read(Layout(tmp_path)) == Hosts(("algo-1",), "algo-1")
    document = {"hosts": ["algo-2", "algo-1"], "current_host": "algo-2"}
    write(tmp_path / "config" / "resourceconfig.json", json.dumps(document))
    read = Hosts.read(Layout(tmp_path))
    assert (read.names, read.leads, read.others) == (("algo-1", "algo-2"), False, 1)


def test_a_host_that_does_not_belong_is_refused(tmp_path: Path) -> None:
    document = {"hosts": ["algo-1"], "current_host": "other"}
    write(tmp_path / "config" / "resourceconfig.json", json.dumps(document))
    with pytest.raises(ClientError, match="'other' is not among the hosts"):
        Hosts.read(Layout(tmp_path))


def test_what_is_sent_arrives_whole_whoever_starts_first() -> None:
    port, content = free_port(), b"x" * 3_000_000
    sender = threading.Thread(
        target=send, args=(Hosts(TWO, TWO[1]), content), kwargs={"port": port}
    )
    sender.start()
    assert collect(Hosts(TWO, TWO[0]), port=port) == [content]
    sender.join()


def test_a_host_that_never_comes_is_told_of() -> None:
    with pytest.raises(ClientError, match="1 of 2 hosts sent nothing within"):
        collect(Hosts(TWO, TWO[0]), port=free_port(), patience=0.05)


def test_two_hosts_give_what_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(analysis, "collect", partial(collect, port=port))
    monkeypatch.setattr(analysis, "send", partial(send, port=port))
    frame = pl.DataFrame({"a": range(100), "b": ["x", "y"] * 50})
    alone = run(tmp_path / "alone", csv_files(tmp_path / "all", [frame]))
    for host, part in zip(TWO, (frame[:30], frame[30:]), strict=True):
        csv_files(tmp_path / host / "in", [part])
        document = {"hosts": TWO, "current_host": host}
        write(tmp_path / host / "config" / "resourceconfig.json", json.dumps(document))
    other = threading.Thread(target=run, args=(tmp_path / TWO[1], tmp_path / TWO[1] / "in"))
    other.start()
    first = run(tmp_path / TWO[0], tmp_path / TWO[0] / "in")
    other.join()
    assert first.read("constraints.json") == alone.read("constraints.json")
    assert first.feature("b") == alone.feature("b")
    assert not (tmp_path / TWO[1] / "processing" / "output").exists()
