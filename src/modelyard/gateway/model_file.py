"""The model in a model archive: which file it is, and whether it is of a kind that is loaded.

Nothing is ever unpickled. A pickle can run any code when it is loaded, so it is told by its first
bytes, and refused with a word on how to convert it.
"""

from __future__ import annotations

from pathlib import Path

NAME = "xgboost-model"

#: What `gateway.prepare` adds to the folder.
PREPARED_NAME = "modelyard-model.json"
ONNX_NAME = "modelyard-model.onnx"

_JSON_SPACE = b" \t\r\n"
# How pickles of the protocols 0 and 1 begin: their first opcode.
_OLD_PICKLES = b"(cdilS}]VFINGIJKLTX"


class ModelFileError(Exception):
    """The folder holds no model that can be served; the message says why, and what to do."""


def find_model(folder: Path) -> Path:
    """Return the model's file: `xgboost-model`, or else the only file that is not hidden.

    Raises:
        ModelFileError: there is none, or no telling which.
    """
    named = folder / NAME
    if named.is_file():
        return named
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and path.name not in {PREPARED_NAME, ONNX_NAME}
    )
    if not files:
        raise ModelFileError(
            f"the model archive holds no file at its top: put the model there as {NAME!r}"
        )
    if len(files) > 1:
        names = ", ".join(path.name for path in files[:5])
        raise ModelFileError(
            f"the model archive holds {len(files)} files ({names}) and none is called {NAME!r}: "
            "rename the model to that"
        )
    return files[0]


def check_format(path: Path) -> None:
    """Return if the file is XGBoost's JSON or UBJSON, by its first bytes.

    Raises:
        ModelFileError: it is something else; the message names what, and how to convert it.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise ModelFileError(f"{path.name} is empty")
    if head[:1] == b"\x80" or (head[:1] in _byte_set(_OLD_PICKLES) and _ends_as_pickle(path)):
        raise ModelFileError(
            f"{path.name} is a Python pickle, which could run any code and is never loaded. "
            "Load it where you trust it and save it in XGBoost's own format: "
            f'booster.save_model("{NAME}.ubj") for a Booster, '
            f'model.get_booster().save_model("{NAME}.ubj") for a scikit-learn estimator; '
            f"then put that file into the archive as {NAME!r}"
        )
    if head[:4] == b"binf" or _is_old_binary(head):
        raise ModelFileError(
            f"{path.name} is in XGBoost's old binary format, which XGBoost 3.1 and later do not "
            "read. Load it with XGBoost 1.6 to 3.0 and save it again: "
            f'booster.save_model("{NAME}.ubj")'
        )
    if not _is_ubjson(head) and not _is_json(head):
        raise ModelFileError(
            f"{path.name} is no XGBoost model: it begins with {head[:8]!r}, and XGBoost's JSON "
            f'and UBJSON begin with "{{". Save the model with booster.save_model("{NAME}.ubj")'
        )


def _byte_set(text: bytes) -> frozenset[bytes]:
    return frozenset(text[i : i + 1] for i in range(len(text)))


def _ends_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2))
        return file.read().rstrip(b"\n").endswith(b".")


def _is_ubjson(head: bytes) -> bool:
    # An object's first key is preceded by the type of its length.
    return head[:1] == b"{" and head[1:2] in _byte_set(b"iUIlL")


def _is_json(head: bytes) -> bool:
    start = head.lstrip(_JSON_SPACE)
    return start[:1] == b"{" and start[1:].lstrip(_JSON_SPACE)[:1] == b'"'


def _is_old_binary(head: bytes) -> bool:
    # LearnerModelParam: nine numbers, base_score (never 0 in all its bytes) first, then zeros.
    return len(head) == 64 and any(head[:4]) and not any(head[40:64])
