"""The runtime's contract as a test class; a runtime's own test gives the fixture `runtime`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import uvloop

from modelyard.compute.log_lines import MAX_LINE_BYTES
from modelyard.compute.runtime import Process, Program, Runtime, RuntimeUnavailableError


@dataclass
class World:
    """One server's home with a secret in it, and a job's folder."""

    home: Path
    runtime: Runtime
    base: Path
    lines: list[str] = field(default_factory=list)

    def program(self, argv: Sequence[str], **changes: object) -> Program:
        settings: dict[str, object] = {
            "identity": "training-job/123456789012/us-east-1/job/algo-1",
            "argv": argv,
            "environment": {},
            "base": self.base,
            **changes,
        }
        return Program(**settings)  # type: ignore[arg-type]  # a test names what it changes

    async def start(self, argv: Sequence[str], **changes: object) -> Process:
        return await self.runtime.start(self.program(argv, **changes), self.lines.append)

    async def run(self, argv: Sequence[str], **changes: object) -> int:
        process = await self.start(argv, **changes)
        return await process.wait()

    async def run_python(self, text: str, *arguments: str, **changes: object) -> int:
        return await self.run([sys.executable, "-c", PREAMBLE + text, *arguments], **changes)


#: `base` is where the contract's folder lies, wherever the runtime has put it.
PREAMBLE = """
import os, sys, signal, time
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
"""


def living(token: str) -> list[int]:
    """Return the processes of this machine with `token` on their command line."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        if token in " ".join(process.info["cmdline"] or []) and process.info["status"] != "zombie":
            found.append(process.info["pid"])
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


class RuntimeContract:
    """Every runtime passes all of these."""

    #: Whether programs are in namespaces of their own; the last resort has none.
    has_namespaces = True

    @pytest.fixture
    def runtime(self, home: Path) -> Runtime:
        raise NotImplementedError

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        home = tmp_path / "home"
        (home / "run").mkdir(parents=True)
        (home / "credentials").write_text("secret-of-the-server")
        return home

    @pytest.fixture
    def world(self, home: Path, runtime: Runtime) -> World:
        base = home / "jobs" / "job" / "algo-1"
        base.mkdir(parents=True)
        return World(home, runtime, base)

    @pytest.fixture
    def token(self) -> Iterator[str]:
        token = f"token-{uuid.uuid4().hex}"
        yield token
        for pid in living(token):
            os.kill(pid, signal.SIGKILL)

    async def test_the_program_works_in_its_folder_and_the_folder_is_the_hosts(
        self, world: World
    ) -> None:
        (world.base / "in").write_text("7")
        text = "open(base + '/out', 'w').write(open(base + '/in').read() * 2); print(os.getcwd())"
        assert await world.run_python(text) == 0
        assert (world.base / "out").read_text() == "77"
        assert Path(world.lines[0]) in (Path("/opt/ml"), world.base)

    @pytest.mark.parametrize("code", [0, 1, 3, 120])
    async def test_the_exit_code_is_the_programs(self, world: World, code: int) -> None:
        assert await world.run(["/bin/sh", "-c", f"exit {code}"]) == code

    async def test_a_program_that_a_signal_ended_has_its_number_negated(self, world: World) -> None:
        assert await world.run(["/bin/sh", "-c", "kill -SEGV $$"]) == -signal.SIGSEGV

    async def test_no_shell_reads_the_arguments(self, world: World) -> None:
        odd = [
            "a b",
            "$HOME",
            "`id`",
            "'",
            '"',
            "\\",
            "*",
            "x\ny",
            "",
            "--",
            "ümlaut",
            "{arguments}",
        ]
        assert await world.run_python("print(sys.argv[1:])", *odd) == 0
        assert world.lines == [str(odd)]

    async def test_a_program_that_cannot_start_says_so(self, world: World) -> None:
        assert await world.run(["/no/such/program"]) != 0
        assert any("/no/such/program" in line for line in world.lines)

    async def test_inputs_can_be_read_and_not_written(self, world: World) -> None:
        staged = world.home / "staged"
        staged.mkdir()
        (staged / "a.csv").write_text("1,2")
        text = """
folder = base + "/input/data/train"
print(open(folder + "/a.csv").read(), os.listdir(folder))
for attempt in (lambda: open(folder + "/a.csv", "a"), lambda: open(folder + "/b", "w"),
                lambda: os.truncate(folder + "/a.csv", 0), lambda: os.remove(folder + "/a.csv")):
    try:
        attempt()
        print("could write")
    except OSError:
        pass
"""
        (world.base / "input" / "data" / "train").mkdir(parents=True)
        assert await world.run_python(text, inputs={"input/data/train": staged}) == 0
        assert world.lines == ["1,2 ['a.csv']"]
        assert (staged / "a.csv").read_text() == "1,2"

    async def test_the_environment_holds_what_was_given_and_nothing_of_the_servers(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MODELYARD_ROOT_SECRET_ACCESS_KEY", "secret-of-the-server")
        text = "[print(f'{k}={v}') for k, v in sorted(os.environ.items())]"
        given = {"TRAINING_JOB_NAME": "job", "ODD": "a b=\n$c"}
        assert await world.run_python(text, environment=given, vcpus=1) == 0
        seen = "\n".join(world.lines)
        assert "secret" not in seen
        assert "TRAINING_JOB_NAME=job" in world.lines
        assert "ODD=a b=\n$c" in seen
        assert "OMP_NUM_THREADS=1" in world.lines
        names = {line.partition("=")[0] for line in world.lines if "=" in line}
        expected = {
            "PATH",
            "LANG",
            "HOME",
            "TMPDIR",
            "PYTHONUNBUFFERED",
            "ODD",
            "TRAINING_JOB_NAME",
        }
        threads = {name for name in names if name.endswith("_THREADS")}
        # Some systems' own Python, or bash, or bubblewrap adds these.
        assert names - threads - expected <= {"SAGEMAKER_BASE_DIR", "LC_CTYPE", "PWD", "SHLVL", "_"}

    async def test_a_path_below_opt_ml_in_the_environment_is_where_it_says(
        self, world: World
    ) -> None:
        (world.base / "here.txt").write_text("found")
        text = "print(open(os.environ['FILE']).read(), os.environ['OTHER'])"
        environment = {"FILE": "/opt/ml/here.txt", "OTHER": "/opt/mlflow"}
        assert await world.run_python(text, environment=environment) == 0
        assert world.lines == ["found /opt/mlflow"]

    async def test_what_loads_into_programs_by_its_environment_loads_into_no_other(
        self, world: World, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        code = f"open({str(outside)!r}, 'w')"
        (world.base / "sitecustomize.py").write_text(code)
        given = {"PYTHONPATH": f"/opt/ml:{world.base}", "LD_PRELOAD": "/opt/ml/no.so"}
        await world.run_python("pass", environment=given)
        assert not outside.exists()

    async def test_the_servers_home_is_invisible(self, world: World, token: str) -> None:
        text = """
home, server = sys.argv[1], sys.argv[2]
found = []
def attempt(path):
    try:
        data = open(path, "rb").read()
        if b"secret" in data: found.append(path)
    except OSError:
        pass
for path in (home + "/credentials", "/proc/1/root" + home + "/credentials",
             f"/proc/{server}/root{home}/credentials", f"/proc/{server}/cwd/credentials",
             f"/proc/{server}/environ"):
    attempt(path)
for name in os.listdir("/proc"):
    if name.isdigit():
        attempt(f"/proc/{name}/environ")
try:
    if "credentials" in os.listdir(home): found.append(home)
except OSError:
    pass
os.symlink(home + "/credentials", base + "/link")
attempt(base + "/link")
try:
    os.link(home + "/credentials", base + "/hard")
    found.append("hard link")
except OSError:
    pass
print(found)
"""
        code = await world.run_python(text, str(world.home), str(os.getpid()))
        assert (code, world.lines) == (0, ["[]"])

    async def test_other_peoples_files_are_invisible(self, world: World, tmp_path: Path) -> None:
        other = tmp_path / "other" / "notes"
        other.parent.mkdir()
        other.write_text("private")
        other.chmod(0o644)
        text = """
for path in sys.argv[1:]:
    try:
        open(path).read()
        print("read", path)
    except OSError:
        pass
"""
        paths = [str(other), "/etc/shadow", "/root/.bashrc", "/root/.profile"]
        assert await world.run_python(text, *paths) == 0
        assert world.lines == []

    async def test_the_system_cannot_be_written(self, world: World) -> None:
        text = """
for path in ("/usr/modelyard-probe", "/etc/modelyard-probe", "/modelyard-probe",
             sys.prefix + "/modelyard-probe"):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        print("could write", path)
        os.remove(path)
    except OSError:
        pass
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print("could turn", path)
    except OSError:
        pass
open("/dev/null", "w").write("x")
import tempfile
tempfile.TemporaryFile().write(b"x")
"""
        assert await world.run_python(text) == 0
        assert world.lines == []

    async def test_the_program_has_no_capability_and_can_gain_none(self, world: World) -> None:
        text = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["CapEff"], 16), int(status["CapPrm"], 16), status["NoNewPrivs"].strip())
"""
        assert await world.run_python(text) == 0
        assert world.lines == ["0 0 1"]

    async def test_this_python_and_its_packages_work_inside(self, world: World) -> None:
        text = "import numpy, modelyard; print(numpy.arange(3).sum(), modelyard.__version__ != '')"
        assert await world.run_python(text) == 0
        assert world.lines == ["3 True"]

    async def test_names_of_users_and_hosts_resolve(self, world: World) -> None:
        text = "import getpass, socket; getpass.getuser(); print(socket.gethostbyname('localhost'))"
        assert await world.run_python(text) == 0
        assert world.lines == ["127.0.0.1"]

    async def test_hosts_of_a_job_find_each_other_by_name(self, world: World) -> None:
        hosts = {"algo-1": "127.77.0.1", "algo-2": "127.77.0.2"}
        text = "import socket; print(socket.gethostbyname('algo-2'))"
        if not self.has_namespaces:
            with pytest.raises(RuntimeUnavailableError, match="InstanceCount 1"):
                await world.run_python(text, hosts=hosts)
            return
        assert await world.run_python(text, hosts=hosts) == 0
        assert world.lines == ["127.77.0.2"]

    async def test_without_a_network_no_other_program_is_reached(self, world: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            text = """
import socket
for make in (lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5),
             lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)):
    try:
        make()
        print("reached")
    except OSError:
        pass
print("done")
"""
            assert await world.run_python(text, str(port)) == 0
            assert await world.run_python(text, str(port), network=False) == 0
        assert world.lines == ["reached", "done", "done"]

    async def test_without_a_network_there_is_still_its_own_loopback(self, world: World) -> None:
        text = """
import socket
own = socket.create_server(("127.0.0.1", 0))
socket.create_connection(own.getsockname(), 5)
"""
        code = await world.run_python(text, network=False)
        assert (code == 0) is self.has_namespaces

    async def test_sockets_of_the_machine_are_closed_and_pairs_of_its_own_work(
        self, world: World, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "socket")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            text = """
import asyncio, multiprocessing, socket
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("reached")
except OSError:
    pass
asyncio.run(asyncio.sleep(0))
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
"""
            assert await world.run_python(text, path) == 0
        assert world.lines == ["[1, 2]"]

    async def test_log_lines_come_in_order_from_both_outputs(self, world: World) -> None:
        script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf 'no newline'"
        assert await world.run(["/bin/sh", "-c", script]) == 0
        expected = [f"{kind} {i}" for i in (1, 2, 3) for kind in ("out", "err")]
        assert world.lines == [*expected, "no newline"]

    async def test_bytes_that_are_no_text_and_endless_lines_do_no_harm(self, world: World) -> None:
        text = """
out = sys.stdout.buffer
out.write(b"\\xff\\xfe bad\\r\\n")
for _ in range(64): out.write("ü".encode() * 65536)
out.write(b"\\nlast\\n")
"""
        assert await world.run_python(text) == 0
        assert world.lines[0] == "�� bad"
        assert world.lines[-1] == "last"
        assert all(len(line.encode()) <= MAX_LINE_BYTES for line in world.lines)
        assert "".join(world.lines[1:-1]) == "ü" * 64 * 65536

    async def test_terminate_reaches_the_program_itself(self, world: World) -> None:
        text = """
def stop(*_):
    print("saving")
    sys.exit(5)
signal.signal(signal.SIGTERM, stop)
print("ready")
while True: signal.pause()
"""
        process = await world.start([sys.executable, "-c", PREAMBLE + text])
        await until(lambda: "ready" in world.lines)
        process.terminate()
        assert await process.wait() == 5
        assert world.lines == ["ready", "saving"]

    async def test_terminate_ends_a_program_that_does_nothing_about_it(self, world: World) -> None:
        process = await world.start(["/bin/sh", "-c", "echo ready; exec sleep 1000"])
        await until(lambda: "ready" in world.lines)
        process.terminate()
        assert await process.wait() == -signal.SIGTERM

    async def test_terminate_at_once_after_start_ends_it_too(self, world: World) -> None:
        process = await world.start(["/bin/sh", "-c", "exec sleep 1000"])
        process.terminate()
        assert await process.wait() != 0

    async def test_kill_ends_the_program_and_its_grandchildren(
        self, world: World, token: str
    ) -> None:
        process = await world.start(stubborn_family(token))
        await until(lambda: "ready" in world.lines)
        assert living(token)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        assert living(token) == []

    async def test_what_a_program_leaves_running_ends_with_it(
        self, world: World, token: str
    ) -> None:
        script = f"setsid sh -c 'sleep 1000 # {token}' >/dev/null 2>&1 & exit 0"
        assert await world.run(["/bin/sh", "-c", script]) == 0
        assert living(token) == []

    async def test_starting_it_again_ends_the_earlier_start_first(
        self, world: World, token: str
    ) -> None:
        first = await world.start(stubborn_family(token))
        await until(lambda: "ready" in world.lines)
        assert await world.run(["/bin/sh", "-c", "echo second"]) == 0
        assert living(token) == []
        assert await first.wait() == -signal.SIGKILL
        assert world.lines[-1] == "second"

    async def test_other_identities_run_side_by_side(self, world: World, token: str) -> None:
        first = await world.start(stubborn_family(token))
        await until(lambda: "ready" in world.lines)
        assert await world.run(["/bin/true"], identity="other") == 0
        assert living(token)
        first.kill()
        await first.wait()

    async def test_end_ends_what_lives_and_is_content_where_nothing_does(
        self, world: World, token: str
    ) -> None:
        program = world.program(stubborn_family(token))
        await world.runtime.end(program.identity)
        process = await world.runtime.start(program, world.lines.append)
        await until(lambda: "ready" in world.lines)
        await world.runtime.end(program.identity)
        assert living(token) == []
        assert await process.wait() == -signal.SIGKILL

    async def test_nothing_is_left_in_the_state_folder(self, world: World) -> None:
        script = "mkdir -p $TMPDIR/a/b; echo x > $TMPDIR/a/b/c; chmod 0 $TMPDIR/a/b $TMPDIR/a"
        assert await world.run(["/bin/sh", "-c", script]) == 0
        assert list((world.home / "run").iterdir()) == []

    async def test_a_limit_on_memory_is_kept(self, world: World) -> None:
        text = """
try:
    bytearray(512 * 2**20)
except MemoryError:
    print("no memory")
"""
        assert await world.run_python(text, memory_bytes=256 * 2**20) == 0
        assert world.lines == ["no memory"]

    def test_nothing_outlives_a_server_that_is_killed(self, world: World, token: str) -> None:
        # The server's event loop runs in a thread of its own, as the real one's may.
        script = f"""
import asyncio, sys, threading
from pathlib import Path
from modelyard.compute.runtime import Program
from modelyard.compute.runtimes import confinements
from modelyard.compute.sandbox import SandboxRuntime
home = Path({str(world.home)!r})
[confinement] = [c for c in confinements([home]) if c.name == {world.runtime.name!r}]
runtime = SandboxRuntime(confinement, home / "run")
program = Program(identity="x", argv={stubborn_family(token)!r}, environment={{}},
                  base=Path({str(world.base)!r}))
async def serve():
    process = await runtime.start(program, lambda line: print(line, flush=True))
    await process.wait()
thread = threading.Thread(target=lambda: asyncio.run(serve()))
thread.start()
thread.join()
"""
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            assert living(token)
            server.kill()
        asyncio.run(until(lambda: living(token) == []))

    @pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    def test_it_works_in_the_loop_of_any_thread(
        self, world: World, new_loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        codes = []

        def serve() -> None:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                codes.append(runner.run(world.run(["/bin/sh", "-c", "echo hello; exit 4"])))

        thread = threading.Thread(target=serve)
        thread.start()
        thread.join()
        assert (codes, world.lines) == ([4], ["hello"])


def stubborn_family(token: str) -> list[str]:
    """A program with children and grandchildren, in sessions of their own, that ignore SIGTERM."""
    child = f"trap '' TERM; sleep 1000 & while :; do sleep 1; done # {token}"
    script = f'trap "" TERM; setsid sh -c "{child}" & sh -c "{child}" & echo ready; wait # {token}'
    return ["/bin/sh", "-c", script]
