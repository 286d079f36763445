"""Which runtime this machine can really run: tried once, best first, by running a program in it."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from modelyard.compute.bubblewrap import Bubblewrap
from modelyard.compute.confinement import Confinement
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.namespaces import Namespaces
from modelyard.compute.runtime import Program, RuntimeUnavailableError
from modelyard.compute.sandbox import SandboxRuntime

_PROBE_SECONDS = 20.0

#: What the setting `runtime` may name.
_CHOICES: dict[str, tuple[type, ...]] = {
    "auto": (Bubblewrap, Namespaces, MovedBase),
    "bubblewrap": (Bubblewrap,),
    "unshare": (Namespaces,),
    "plain": (MovedBase,),
}

log = structlog.get_logger(__name__)


def confinements(hidden: Sequence[Path]) -> list[Confinement]:
    """Return all ways to confine a program, the best first."""
    return [
        Bubblewrap(hidden),
        Namespaces(hidden),
        Namespaces(hidden, user_namespace=False),
        MovedBase(hidden),
    ]


async def best_runtime(
    state: Path, *, hidden: Sequence[Path], only: str = "auto"
) -> SandboxRuntime:
    """Return the best runtime that works on this machine, and log why it is not a better one.

    Args:
        state: a folder for locks and temporary files: `<home>/run/programs`.
        hidden: folders that no program may see, the home above all.
        only: the one to use, "bubblewrap", "unshare" or "plain"; "auto" means the best.

    Raises:
        RuntimeUnavailableError: none works; the message says why each does not.
    """
    reasons = []
    for confinement in confinements(hidden):
        if not isinstance(confinement, _CHOICES[only]):
            continue
        runtime = SandboxRuntime(confinement, state)
        try:
            await probe(runtime, hidden)
        except RuntimeUnavailableError as error:
            reasons.append(f"{runtime.name}: {error}")
            continue
        isolates = await _isolates_network(runtime, hidden)
        log.info("jobs run confined", by=runtime.name, not_by=reasons, isolates_network=isolates)
        await asyncio.to_thread(runtime.sweep)
        return SandboxRuntime(confinement, state, isolates_network=isolates)
    raise RuntimeUnavailableError(
        "no way to confine a job works on this machine. " + "; ".join(reasons)
    )


async def probe(runtime: SandboxRuntime, hidden: Sequence[Path], *, network: bool = True) -> None:
    """Run a small program that looks whether the runtime keeps its promises.

    Raises:
        RuntimeUnavailableError: it did not run, or saw what is to be hidden.
    """
    with tempfile.TemporaryDirectory(prefix="modelyard-probe-") as base:
        program = Program(
            identity=f"probe/{base}",
            argv=[sys.executable, "-I", "-S", "-c", _PROBE, *(str(path) for path in hidden)],
            environment={},
            base=Path(base),
            network=network,
        )
        lines: list[str] = []
        code = await _run(runtime, program, lines.append)
        if code != 0:
            said = " / ".join(lines[-3:]) or "it said nothing"
            raise RuntimeUnavailableError(f"a trial program ended with {code}: {said}")
        if not (Path(base) / "probe").is_file():
            raise RuntimeUnavailableError("what a trial program wrote did not arrive in its folder")


async def _isolates_network(runtime: SandboxRuntime, hidden: Sequence[Path]) -> bool:
    try:
        await probe(runtime, hidden, network=False)
    except RuntimeUnavailableError:
        return False
    return True


#: Writes into its folder, and fails if a hidden folder shows anything.
_PROBE = """
import os, sys
base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
open(base + "/probe", "w").close()
for path in sys.argv[1:]:
    try:
        seen = os.listdir(path)
    except OSError:
        continue
    if seen:
        sys.exit(path + " is visible")
"""


async def _run(runtime: SandboxRuntime, program: Program, on_line: Callable[[str], None]) -> int:
    process = await runtime.start(program, on_line)
    try:
        return await asyncio.wait_for(process.wait(), _PROBE_SECONDS)
    except TimeoutError:
        raise RuntimeUnavailableError(
            f"a trial program had not ended after {_PROBE_SECONDS:.0f} s"
        ) from None
    finally:
        process.kill()
