"""Every way to confine a program passes the contract, and the best that works is chosen."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.compute import runtimes
from modelyard.compute.bubblewrap import Bubblewrap
from modelyard.compute.confinement import Confinement
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.namespaces import Namespaces
from modelyard.compute.runtime import Program, Runtime, RuntimeUnavailableError
from modelyard.compute.sandbox import SandboxRuntime
from tests.compute.contract import RuntimeContract

_tried: dict[str, str | None] = {}


def runtime_or_skip(confinement: Confinement, home: Path) -> Runtime:
    runtime = SandboxRuntime(confinement, home / "run")
    if runtime.name not in _tried:
        try:
            asyncio.run(runtimes.probe(runtime, [home]))
            _tried[runtime.name] = None
        except RuntimeUnavailableError as error:
            _tried[runtime.name] = str(error)
    if _tried[runtime.name] is not None:
        pytest.skip(f"{runtime.name} does not work here: {_tried[runtime.name]}")
    return runtime


class TestBubblewrap(RuntimeContract):
    @pytest.fixture
    def runtime(self, home: Path) -> Runtime:
        return runtime_or_skip(Bubblewrap([home]), home)


class TestUnshare(RuntimeContract):
    @pytest.fixture
    def runtime(self, home: Path) -> Runtime:
        return runtime_or_skip(Namespaces([home]), home)


class TestUnshareAsRoot(RuntimeContract):
    @pytest.fixture
    def runtime(self, home: Path) -> Runtime:
        return runtime_or_skip(Namespaces([home], user_namespace=False), home)


class TestMovedBase(RuntimeContract):
    has_namespaces = False

    @pytest.fixture
    def runtime(self, home: Path) -> Runtime:
        return runtime_or_skip(MovedBase([home]), home)


async def test_the_best_that_works_is_chosen_and_the_reasons_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without bwrap on the path it is unshare; without either, the moved base."""
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = await runtimes.best_runtime(home / "run", hidden=[home])
    assert chosen.name == "moved base"
    (tmp_path / "unshare").symlink_to("/usr/bin/unshare")
    chosen = await runtimes.best_runtime(home / "run", hidden=[home])
    assert chosen.name in ("unshare", "unshare as root", "moved base")


async def test_where_nothing_works_the_error_says_why_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("modelyard.compute.moved_base.landlock_version", lambda: 0)
    with pytest.raises(RuntimeUnavailableError) as caught:
        await runtimes.best_runtime(tmp_path / "run", hidden=[tmp_path / "home"])
    for reason in ("apt-get install bubblewrap", "apt-get install util-linux", "Landlock"):
        assert reason in str(caught.value)


async def test_a_runtime_that_cannot_isolate_the_network_refuses_to_pretend(
    tmp_path: Path,
) -> None:
    runtime = SandboxRuntime(Bubblewrap([]), tmp_path / "run", isolates_network=False)
    program = Program(
        identity="x", argv=["/bin/true"], environment={}, base=tmp_path, network=False
    )
    with pytest.raises(RuntimeUnavailableError, match="cannot keep a job from the network"):
        await runtime.start(program, print)


@pytest.mark.parametrize("confine", [Bubblewrap, Namespaces, MovedBase])
async def test_a_home_inside_a_folder_that_jobs_see_stays_invisible(
    tmp_path: Path, confine: Callable[[list[Path]], Confinement]
) -> None:
    if not os.access(sys.prefix, os.W_OK):
        pytest.skip(f"{sys.prefix} cannot be written by this user")
    with tempfile.TemporaryDirectory(prefix="modelyard-home-", dir=sys.prefix) as inside:
        home = Path(inside)
        (home / "credentials").write_text("secret")
        runtime = SandboxRuntime(confine([home]), tmp_path / "run")
        if confine is MovedBase:
            with pytest.raises(RuntimeUnavailableError, match="every job may read"):
                await runtimes.probe(runtime, [home])
        else:
            await runtimes.probe(runtime, [home])


async def test_what_killed_servers_left_is_swept_but_not_what_still_runs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    left = home / "run" / "left" / "scratch" / "tmp"
    left.mkdir(parents=True)
    (left / "file").touch()
    runtime = await runtimes.best_runtime(home / "run", hidden=[home])
    assert list((home / "run").iterdir()) == []
    base = tmp_path / "base"
    base.mkdir()
    script = "while [ ! -e /opt/ml/go ]; do sleep 0.01; done; echo x > $TMPDIR/x"
    program = Program(identity="x", argv=["/bin/sh", "-c", script], environment={}, base=base)
    process = await runtime.start(program, print)
    runtime.sweep()
    (base / "go").touch()
    assert await process.wait() == 0
