from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from modelyard.gateway.model_file import ModelFileError, check_format, find_model
from tests.gateway.models import train


def written(folder: Path, content: bytes) -> Path:
    path = folder / "xgboost-model"
    path.write_bytes(content)
    return path


def test_the_model_is_the_file_of_that_name_or_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "any.ubj").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "code").mkdir()
    (tmp_path / "modelyard-model.json").touch()
    assert find_model(tmp_path).name == "any.ubj"
    (tmp_path / "xgboost-model").touch()
    assert find_model(tmp_path).name == "xgboost-model"


def test_no_file_and_several_files_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no file at its top"):
        find_model(tmp_path)
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    with pytest.raises(ModelFileError, match=r"2 files \(a, b\).*rename the model"):
        find_model(tmp_path)


@pytest.mark.parametrize("form", ["ubj", "json"])
def test_xgboosts_own_formats_are_taken(tmp_path: Path, form: str) -> None:
    check_format(written(tmp_path, bytes(train().save_raw(form))))


def test_json_may_begin_with_white_space(tmp_path: Path) -> None:
    check_format(written(tmp_path, b' \n{ \n "learner": {}}'))


class Bomb:
    """Unpickled, it would make a file."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("open('bomb-went-off', 'w')",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_are_refused_with_the_way_to_convert_them(
    tmp_path: Path, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in (Bomb(), {"a": 1}, [1, 2], ("x",), 1.5, "text"):
        path = written(tmp_path, pickle.dumps(value, protocol))
        with pytest.raises(ModelFileError, match=r"pickle.*get_booster\(\)\.save_model"):
            check_format(path)
    assert not (tmp_path / "bomb-went-off").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"binf" + bytes(100), "old binary format"),
        (b"\x00\x00\x00\x3f\x04" + bytes(100), "old binary format"),
        (b"\x1f\x8b\x08\x00more", "no XGBoost model"),
        (b"PK\x03\x04more", "no XGBoost model"),
        (b"tree\nversion=v4\n", "no XGBoost model"),
        (b"{nonsense", "no XGBoost model"),
    ],
)
def test_other_files_are_named_for_what_they_are(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        check_format(written(tmp_path, content))
