"""Prepared models under a key: their encrypted archive, and the folder that it becomes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.hosting import sealed_models
from modelyard.store.errors import KeyUnusable
from tests.store.test_encrypted_objects import ARN, Keys

MODEL = b"model bytes" * 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "memory" / "digest"
    made.mkdir(parents=True)
    (made / "xgboost-model").write_bytes(MODEL)
    (made / "modelyard-model.json").write_text("{}")
    return made


def put_back(archive: Path, target: Path, keys: Keys, digest: str = "digest") -> None:
    target.parent.mkdir(exist_ok=True)
    sealed_models.put_back(archive, target, keys, digest=digest, max_files=10, max_bytes=10_000_000)


def test_a_model_is_kept_encrypted_and_put_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    keys, archive = Keys(), tmp_path / "digest.sealed"
    sealed_models.keep(folder, archive, ARN, keys, digest="digest")
    assert b"model bytes" not in archive.read_bytes()
    again = tmp_path / "again" / "digest"
    put_back(archive, again, keys)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    assert [path.name for path in again.parent.iterdir()] == ["digest"]


def test_a_model_whose_key_is_disabled_is_not_put_back(folder: Path, tmp_path: Path) -> None:
    keys, archive = Keys(), tmp_path / "digest.sealed"
    sealed_models.keep(folder, archive, ARN, keys, digest="digest")
    keys.disabled = True
    with pytest.raises(KeyUnusable):
        put_back(archive, tmp_path / "again" / "digest", keys)
    assert list((tmp_path / "again").iterdir()) == []


def test_an_archive_that_was_put_in_anothers_place_is_refused(folder: Path, tmp_path: Path) -> None:
    keys, archive = Keys(), tmp_path / "digest.sealed"
    sealed_models.keep(folder, archive, ARN, keys, digest="digest")
    with pytest.raises(KeyUnusable):
        put_back(archive, tmp_path / "again" / "other", keys, digest="other")


@pytest.mark.parametrize("kept", [0, 100, 600])
def test_an_archive_that_was_cut_is_refused(folder: Path, tmp_path: Path, kept: int) -> None:
    keys, archive = Keys(), tmp_path / "digest.sealed"
    sealed_models.keep(folder, archive, ARN, keys, digest="digest")
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(ValueError, match="cannot be read"):
        put_back(archive, tmp_path / "again" / "digest", keys)
    assert list((tmp_path / "again").iterdir()) == []
