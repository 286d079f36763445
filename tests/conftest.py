from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Ahead of the first test that imports it, whichever room's that is.
pytest.register_assert_rewrite("tests.store.contract")

# Two test processes and the servers that they start share few cores: how long one example takes
# says nothing of the code. In CI hypothesis has a profile of its own, which says so too, and in
# which each run tries the same examples.
if "CI" not in os.environ:
    settings.register_profile("modelyard", deadline=None)
    settings.load_profile("modelyard")


#: Tests of whole servers and their children, killed ones among them. On two shared cores one of
#: them may meet a machine that stands still for longer than anybody waits: it has a second try, and
#: the summary says that it needed it (RERUN). What is tested within a process has none.
_WITH_SERVERS = tuple(Path(__file__).parent / folder for folder in ("clients", "faults"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _WITH_SERVERS):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a parameter of bytes by its argument alone, never by its content.

    Packed bytes hold the second in which they were packed: two workers that collect the tests in
    different seconds would disagree on their names, and none would run.
    """
    return argname if isinstance(val, bytes) else None
