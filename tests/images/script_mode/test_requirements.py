from __future__ import annotations

from modelyard.images.script_mode.requirements import missing

LOCK = """
# comment
here==1.0 \\
    --hash=sha256:aa
other-version==2.0 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
absent==3 ; python_version > "3" \\
    --hash=sha256:dd
"""


def test_what_is_installed_in_that_version_is_left_out() -> None:
    entries = list(missing(LOCK, {"here": "1.0", "other-version": "1.9"}))
    assert [entry.split("==")[0] for entry in entries] == ["other-version", "absent"]
    assert "sha256:bb" in entries[0]
    assert "sha256:cc" in entries[0]
