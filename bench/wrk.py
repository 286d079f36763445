"""Load, made by wrk (https://github.com/wg/wrk)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.report import BenchUnavailable

# Percentiles in microseconds; `status` counts answers that are not 2xx or 3xx.
_DONE = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"microseconds":%d,"p50":%f,"p99":%f,"refused":%d,"broken":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True, kw_only=True)
class Post:
    """The one request that is sent again and again."""

    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One run."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


def require() -> None:
    """Return if wrk is there.

    Raises:
        BenchUnavailable: it is not.
    """
    if shutil.which("wrk") is None:
        raise BenchUnavailable("wrk makes the load: get it with 'apt-get install wrk'")


def run(post: Post, *, connections: int, seconds: int) -> Measurement:
    """Send `post` over as many connections as fast as it is answered.

    Raises:
        RuntimeError: some request failed, so the numbers would say nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(_script(post))
        command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
        printed = subprocess.run(
            [*command, "--timeout=30s", f"--script={script}", post.url],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    told = json.loads(printed.strip().splitlines()[-1])
    if told["refused"] or told["broken"]:
        raise RuntimeError(f"{post.url}: {told['refused']} refused, {told['broken']} broken")
    return Measurement(
        requests_per_second=told["requests"] / (told["microseconds"] / 1e6),
        p50_ms=told["p50"] / 1e3,
        p99_ms=told["p99"] / 1e3,
    )


def _script(post: Post) -> str:
    # JSON's strings are Lua's, for what is in these.
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(post.body)}"]
    lines += [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}"
        for name, value in post.headers.items()
    ]
    return "\n".join(lines) + _DONE
