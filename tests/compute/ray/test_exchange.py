"""What goes through S3, from one end to the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from modelyard.compute.ray.exchange import Exchange, bucket_of, sweep
from modelyard.compute.ray.shipping import Shipping, ShippingError
from modelyard.compute.runtime import Program
from modelyard.store.objects import Objects, S3Uri

ACCOUNT = "123456789012"


class Door:
    """The part of S3 that signed URLs open, without the signatures."""

    def __init__(self, objects: Objects) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                uri = S3Uri.parse(f"s3:/{unquote(self.path)}")
                if not objects.exists(uri):
                    self.send_error(404)
                    return
                body = objects.get(uri)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                objects.put_bytes(S3Uri.parse(f"s3:/{unquote(self.path)}"), body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def sign(self, _account: str, _method: str, uri: S3Uri) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{uri.bucket}/{uri.key}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class World:
    def __init__(self, folder: Path, door: Door, objects: Objects) -> None:
        self.objects = objects
        self.exchange = Exchange(objects, ACCOUNT, "one/1", door.sign)
        self.shipping = Shipping()
        self.base = folder / "server" / "algo-1"
        self.staged = folder / "server" / "staged"
        self.node = folder / "node"
        for made in (self.base, self.staged, self.node / "base", self.node / "staged"):
            made.mkdir(parents=True)

    def program(self) -> Program:
        return Program(
            identity="job/algo-1",
            argv=["true"],
            environment={},
            base=self.base,
            inputs={"input/data/train": self.staged},
        )

    def fetch(self) -> list[str]:
        manifest = self.exchange.send(self.program())
        return self.shipping.fetch(manifest, self.node / "base", self.node / "staged")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    objects = Objects(tmp_path / "objects" / ACCOUNT)
    door = Door(objects)
    world = World(tmp_path, door, objects)
    yield world
    world.shipping.close()
    door.close()


def test_a_node_finds_what_the_host_was_to_find(world: World) -> None:
    (world.base / "model").mkdir()
    (world.base / "config.json").write_text("{}")
    (world.staged / "deep").mkdir()
    (world.staged / "deep" / "a b.csv").write_text("1,2")
    assert world.fetch() == ["input/data/train"]
    assert (world.node / "base" / "model").is_dir()
    assert (world.node / "base" / "input" / "data" / "train").is_dir()
    assert (world.node / "base" / "config.json").read_text() == "{}"
    found = world.node / "staged" / "input" / "data" / "train" / "deep" / "a b.csv"
    assert found.read_text() == "1,2"


def test_what_the_program_left_comes_back_and_what_is_the_same_stays_untouched(
    world: World,
) -> None:
    (world.base / "checkpoints").mkdir()
    old = world.base / "checkpoints" / "1"
    old.write_text("first")
    world.fetch()
    before = old.stat().st_mtime_ns
    kept = world.node / "base" / "checkpoints"
    (kept / "2").write_text("second")
    (kept / "link").symlink_to("/etc/passwd")
    world.shipping.deliver(world.node / "base", "checkpoints", world.exchange.url_for("kept"))
    world.exchange.receive("kept", world.base, "checkpoints")
    assert sorted(path.name for path in old.parent.iterdir()) == ["1", "2"]
    assert old.stat().st_mtime_ns == before
    assert (old.parent / "2").read_text() == "second"


def test_what_is_no_archive_is_refused(world: World) -> None:
    uri = S3Uri(bucket_of(ACCOUNT), "one/1/output")
    world.objects.put_bytes(uri, b"no archive at all")
    with pytest.raises(ShippingError, match="cannot be unpacked"):
        world.exchange.receive("output", world.base, "")
    assert list(world.base.iterdir()) == []


def test_an_object_that_is_gone_is_told_of_without_what_opens_it(world: World) -> None:
    manifest = world.exchange.send(world.program())
    world.exchange.clear()
    with pytest.raises(ShippingError, match=r"manifest\.json cannot be fetched: 404"):
        world.shipping.fetch(
            f"{manifest}?X-Amz-Signature=secret", world.node, world.node / "staged"
        )


def test_nothing_of_an_exchange_stays(world: World) -> None:
    (world.staged / "a.csv").write_text("1,2")
    world.exchange.send(world.program())
    bucket = S3Uri(bucket_of(ACCOUNT), "")
    assert len(list(world.objects.list(bucket))) == 3
    world.exchange.clear()
    assert list(world.objects.list(bucket)) == []
    world.exchange.send(world.program())
    sweep(world.objects, ACCOUNT)
    assert list(world.objects.list(bucket)) == []
