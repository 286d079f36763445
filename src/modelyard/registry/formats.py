"""Which files of a model may be registered, told by their bytes and never by their names.

A pickle runs code of its author's choosing when it is loaded, so none is taken, in whatever wrapper
it comes (joblib, PyTorch's zip, NumPy's object arrays). What is taken as a model are formats that
hold numbers and a graph: nothing in them is run by reading them.
"""

from __future__ import annotations

import bz2
import io
import lzma
import pickletools
import re
import zlib

_OLD_PICKLE_STARTS = b"(cdilS}]VFINGIJKLMTUX"
_MIN_OPCODES = 8  # of a pickle whose end is not seen; text does not read as so many
_MAX_OPCODES = 20_000
_UNPACKED_BYTES = 64 * 1024
_PICKLE_NAME = re.compile(rb"[A-Za-z0-9_./-]*\.(pkl|pickle|joblib)\b")
_CONVERT = {
    "xgboost": 'booster.save_model("model.ubj")',
    "scikit-learn": "skl2onnx.to_onnx(model, sample)",
    "PyTorch": "safetensors.torch.save_file(model.state_dict(), …) or torch.onnx.export",
}


def refusal(name: str, head: bytes, tail: bytes) -> str | None:
    """Return why a file may not be registered, None if it may.

    Args:
        head: its beginning, 64 KiB or all of it.
        tail: its end, likewise.
    """
    kind = _pickle_kind(head, tail)
    if kind is None:
        return None
    ways = "; ".join(f"{library}: {way}" for library, way in _CONVERT.items())
    return (
        f"{name} is {kind}, which could run any code when it is loaded and is never taken. "
        f"Load it where you trust it and save it in a format that only holds data ({ways})"
    )


def format_of(head: bytes) -> str | None:
    """Return the name of a model format, None where the bytes are none that is known."""
    start = head.lstrip(b" \t\r\n")
    if head[:1] == b"{" and head[1:2] in (b"i", b"U", b"I", b"l", b"L"):
        return "ubjson"
    if start[:1] == b"{" and start[1:].lstrip(b" \t\r\n")[:1] == b'"':
        return "json"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
        return "safetensors"
    if head.startswith((b"tree\n", b"tree\r\n")):
        return "lightgbm"
    if head.startswith(b"CBM1"):
        return "catboost"
    if head.startswith(b"GGUF"):
        return "gguf"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head[4:8] == b"TFL3":
        return "tflite"
    if start.startswith(b"<") and b"<PMML" in head[:4096]:
        return "pmml"
    if _is_onnx(head):
        return "onnx"
    return None


def _is_onnx(head: bytes) -> bool:
    """An ONNX file begins with its IR version (field 1, a small varint), then texts or the graph.

    https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, message ModelProto
    """
    return (
        len(head) > 3
        and head[0] == 0x08
        and 1 <= head[1] <= 64
        and head[2] in b"\x12\x1a\x22\x3a\x42"
    )


def _pickle_kind(head: bytes, tail: bytes) -> str | None:
    if _is_pickle(head, tail):
        return "a Python pickle"
    if head.startswith(b"PK\x03\x04"):
        inner = _PICKLE_NAME.search(head) or _PICKLE_NAME.search(tail)
        return None if inner is None else f"a zip that holds the pickle {inner.group().decode()}"
    if head.startswith(b"\x93NUMPY") and re.search(rb"'descr':\s*'\|?O", head[:256]):
        return "a NumPy array of Python objects (a pickle)"
    unpacked = _unpacked(head)
    if unpacked is not None and _is_pickle(unpacked, b""):
        return "a compressed Python pickle (as joblib writes them)"
    return None


def _is_pickle(head: bytes, tail: bytes) -> bool:
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return True
    if head[:1] == b"\x80" or not head or head[0] not in _OLD_PICKLE_STARTS:
        return False
    return _reads_as_pickle(head, whole=head.endswith(tail) and len(tail) < _UNPACKED_BYTES)


def _reads_as_pickle(head: bytes, *, whole: bool) -> bool:
    """Tell a pickle of protocol 0 or 1, which has no mark, by reading its opcodes; none is run."""
    count = 0
    try:
        for opcode, _argument, _position in pickletools.genops(io.BytesIO(head)):
            count += 1
            if opcode.name == "STOP":
                return count > 1
            if count > _MAX_OPCODES:
                return True
    except Exception:  # whatever a file that is none makes the reader stumble over
        return not whole and count >= _MIN_OPCODES
    return False


def _unpacked(head: bytes) -> bytes | None:
    try:
        if head[:2] == b"\x1f\x8b":
            return zlib.decompressobj(31).decompress(head, _UNPACKED_BYTES)
        if head[:1] == b"\x78":
            return zlib.decompressobj().decompress(head, _UNPACKED_BYTES)
        if head[:3] == b"BZh":
            return bz2.BZ2Decompressor().decompress(head, _UNPACKED_BYTES)
        if head[:6] == b"\xfd7zXZ\x00" or head[:3] == b"\x5d\x00\x00":
            return lzma.LZMADecompressor().decompress(head, _UNPACKED_BYTES)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return None
    return None
