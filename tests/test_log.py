from __future__ import annotations

import json
import subprocess
import sys

import pytest


def said(script: str) -> list[dict[str, object]]:
    """Return the lines that a program logs as JSON."""
    program = "from modelyard.log import configure; import structlog; configure('info', 'json')\n"
    ran = subprocess.run(
        [sys.executable, "-c", program + script], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in ran.stderr.splitlines()]


@pytest.mark.parametrize("value", ["'plain'", "'\\ud800'", "2 ** 70", "{1: 'x'}"])
def test_a_line_is_json_whatever_it_holds(value: str) -> None:
    (line,) = said(f"structlog.get_logger().info('it happened', value={value})")
    assert (line["event"], line["level"]) == ("it happened", "info")
    assert "value" in line


def test_what_is_below_the_level_is_not_said_and_an_exception_is_said_whole() -> None:
    (line,) = said(
        "log = structlog.get_logger(); log.debug('quiet')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: log.exception('failed')"
    )
    assert "ZeroDivisionError: division by zero" in str(line["exception"])
