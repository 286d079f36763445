from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.compute.memory import MemoryFolder, file_system_of
from modelyard.compute.runtime import RuntimeUnavailableError

SHM = Path("/dev/shm")


@pytest.fixture
def memory(tmp_path: Path) -> MemoryFolder:
    return MemoryFolder(SHM, tmp_path)


def test_a_folder_in_memory_is_its_owners_only_and_goes_when_it_is_cleared(
    memory: MemoryFolder,
) -> None:
    folder = memory.require()
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "a" / "b").mkdir(parents=True)
        assert memory.require() == folder
    finally:
        memory.clear()
    assert not folder.exists()


def test_another_home_has_another_folder(tmp_path: Path, memory: MemoryFolder) -> None:
    assert MemoryFolder(SHM, tmp_path / "other").path != memory.path


def test_a_folder_on_a_disk_is_refused(tmp_path: Path) -> None:
    if file_system_of(tmp_path) == "tmpfs":
        pytest.skip("temporary files are in memory on this machine")
    with pytest.raises(RuntimeUnavailableError, match="setting memory_folder"):
        MemoryFolder(tmp_path, tmp_path).require()


def test_a_folder_that_is_open_to_others_is_refused(memory: MemoryFolder) -> None:
    memory.require().chmod(0o755)
    try:
        with pytest.raises(RuntimeUnavailableError, match="remove it"):
            memory.require()
    finally:
        memory.clear()


def test_a_link_in_its_place_is_neither_used_nor_followed(
    memory: MemoryFolder, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir(mode=0o700)
    (kept / "file").write_text("x")
    memory.path.symlink_to(kept)
    try:
        with pytest.raises(RuntimeUnavailableError, match="remove it"):
            memory.require()
        memory.clear()
        assert (kept / "file").exists()
    finally:
        memory.path.unlink()


def test_a_reason_against_it_is_said_when_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match="jobs can see it"):
        MemoryFolder(SHM, tmp_path, refused="jobs can see it").require()
