"""The typeface is found where it lies, and there is always one."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from modelyard.governance.cards.paper import typeface
{change}
setter = typeface.Typesetter()
print(setter.plain("Größe"), setter.plain("мера"), typeface.width("Größe", 10) > 0)
"""


@pytest.mark.parametrize(
    ("change", "printed"),
    [
        ("", "Größe мера True"),
        ("typeface._folders = lambda: iter(())", "[U+043C][U+0435][U+0440][U+0430] True"),
    ],
    ids=["DejaVu Sans", "its forebear"],
)
def test_what_the_typeface_has_is_printed_and_the_rest_as_code_points(
    change: str, printed: str
) -> None:
    script = SCRIPT.format(change=change)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(printed)
