"""Models from outside SageMaker's shapes: an MLflow run's model folder, or a model file.

What is found is packed as this house serves it, a `model.tar.gz` next to it in its bucket under
`modelyard-registered/<SHA-256 of the model>/`, and registered from there. A model under a key stays
under it: it is read and packed in memory, with the keys of who registers it, and its archive lies
in a folder of that key's.
https://mlflow.org/docs/latest/ml/model/#storage-format
"""

from __future__ import annotations

import hashlib
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from modelyard.compute.packing import pack
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.operations.errors import ValidationError
from modelyard.registry.formats import format_of, refusal
from modelyard.store.durable_files import copy_stream
from modelyard.store.encryption.vault import encryption_of_file
from modelyard.store.errors import StoreError
from modelyard.store.objects import Encryption, Objects, S3Uri

_MLMODEL = "MLmodel"
_MAX_MLMODEL_BYTES = 1 << 20
_MAX_MODEL_BYTES = 8 * 2**30
_CHUNK_BYTES = 1 << 20
_END_BYTES = 64 * 1024
_FLAVORS = ("xgboost", "onnx")
_XGBOOST_FORMATS = ("ubjson", "json")

#: Gives a folder in memory, or raises RuntimeUnavailableError.
Memory = Callable[[], Path]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A model that was found, and packed."""

    url: str  # of the archive
    format: str
    told: Mapping[str, Any] = field(default_factory=dict)  # what its source says of it


def find(objects: Objects, text: str, memory: Memory) -> Found:
    """Return the model that lies at an S3 URI, as an archive.

    Args:
        objects: as who registers it may read and write them.
        text: of a `model.tar.gz`, of a model file, or of a folder with an `MLmodel` file.
        memory: where a model that is under a key is worked with.

    Raises:
        ValidationError: there is none, none that may be registered, or its key cannot be used.
    """
    try:
        uri = S3Uri.parse(text)
    except ValueError as error:
        raise ValidationError(f"SourceUri: {error}") from error
    try:
        if objects.exists(uri):
            if _is_archive(objects, uri):
                return Found(url=str(uri), format="archive", told={"Kind": "archive"})
            return _packed(objects, uri, {"Kind": "file"}, memory)
        folder = S3Uri(bucket=uri.bucket, key=uri.key.rstrip("/") + "/")
        described = S3Uri(bucket=folder.bucket, key=f"{folder.key}{_MLMODEL}")
        if objects.exists(described):
            return _mlflow(objects, folder, described, memory)
    except (StoreError, RuntimeUnavailableError) as error:
        raise ValidationError(f"SourceUri {text}: {error}") from error
    raise ValidationError(
        f"SourceUri {text}: there is no object there, and no folder with an {_MLMODEL} file: give "
        "the S3 URI of a model.tar.gz, of a model file, or of an MLflow model's folder"
    )


def _mlflow(objects: Objects, folder: S3Uri, described: S3Uri, memory: Memory) -> Found:
    said = _read_mlmodel(objects, described)
    flavors = said.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    name = next((flavor for flavor in _FLAVORS if flavor in flavors), None)
    if name is None:
        others = ", ".join(sorted(map(str, flavors))) or "none"
        raise ValidationError(
            f"{described}: its flavors are {others}, and of an MLflow model only xgboost (saved as "
            "ubj or json) and onnx are taken; the others are pickles or Python code, which could "
            "run anything: log the model with mlflow.xgboost.log_model(…, model_format='ubj') or "
            "mlflow.onnx.log_model"
        )
    flavor = flavors[name] if isinstance(flavors[name], dict) else {}
    data = flavor.get("data")
    if not isinstance(data, str) or ".." in data.split("/") or data.startswith("/"):
        raise ValidationError(f"{described}: flavors.{name}.data names no file of the model")
    told: dict[str, Any] = {
        "Kind": "mlflow",
        "Flavor": name,
        "Uri": str(folder),
        **{
            key: str(said[member])[:2000]
            for key, member in (
                ("RunId", "run_id"),
                ("ModelUuid", "model_uuid"),
                ("ModelId", "model_id"),
                ("MlflowVersion", "mlflow_version"),
            )
            if said.get(member)
        },
    }
    if isinstance(said.get("signature"), dict):
        told["Signature"] = {
            str(part): str(value)[:10_000] for part, value in said["signature"].items()
        }
    path = posixpath.normpath(f"{folder.key}{data}")
    return _packed(objects, S3Uri(bucket=folder.bucket, key=path), told, memory)


def _read_mlmodel(objects: Objects, uri: S3Uri) -> dict[str, Any]:
    try:
        said = yaml.safe_load(objects.get(uri, max_bytes=_MAX_MLMODEL_BYTES))
    except yaml.YAMLError as error:
        raise ValidationError(f"{uri} is not YAML: {error}") from error
    if not isinstance(said, dict):
        raise ValidationError(f"{uri} is not an MLmodel file: it is no mapping")
    return said


def _packed(objects: Objects, uri: S3Uri, told: Mapping[str, Any], memory: Memory) -> Found:
    with _copied(objects, uri, memory) as (file, sha256, encryption):
        kind = _checked(file, uri)
        # XGBoost's image looks for this name; any other format keeps its own.
        name = "xgboost-model" if kind in _XGBOOST_FORMATS else Path(uri.key).name
        content = file.parent / "content"
        content.mkdir()
        file.rename(content / name)
        archive = file.parent / "model.tar.gz"
        pack([content], ".", archive)
        target = _target(uri, sha256, encryption)
        if encryption is not None:
            _keep_under(objects, target, archive, encryption)
        elif not objects.exists(target):
            objects.put_file(target, archive)
    return Found(url=str(target), format=kind, told={**told, "ModelFile": str(uri)})


def _target(source: S3Uri, sha256: str, encryption: Encryption | None) -> S3Uri:
    # Under another key it is another object: who may use the one key may not use the other.
    key = "" if encryption is None else f"{encryption.key.rpartition('/')[2]}/"
    return S3Uri(bucket=source.bucket, key=f"modelyard-registered/{sha256}/{key}model.tar.gz")


def _keep_under(objects: Objects, target: S3Uri, archive: Path, encryption: Encryption) -> None:
    """Store an archive encrypted as its source is, unless it lies there so already."""
    if objects.exists(target) and objects.encryption_of(target) == encryption:
        return
    with archive.open("rb") as source, objects.writing(target, encryption) as sink:
        copy_stream(source, sink)


@contextmanager
def _copied(
    objects: Objects, uri: S3Uri, memory: Memory
) -> Iterator[tuple[Path, str, Encryption | None]]:
    """Yield a copy of an object in a folder of its own, its SHA-256, and how it is encrypted."""
    with objects.open_raw(uri) as raw:
        # Of the very file that is read: the object may be replaced meanwhile.
        encryption = encryption_of_file(raw)
        content = objects.vault.opened(uri.bucket, raw)
        parent = None if encryption is None else memory()
        with _put_aside(content, uri, parent) as (file, sha256):
            yield file, sha256, encryption


@contextmanager
def _put_aside(source: BinaryIO, uri: S3Uri, parent: Path | None) -> Iterator[tuple[Path, str]]:
    aside = Path(tempfile.mkdtemp(prefix="modelyard-register-", dir=parent))
    try:
        digest, size = hashlib.sha256(), 0
        file = aside / "model"
        with source, file.open("xb") as sink:
            while chunk := source.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > _MAX_MODEL_BYTES:
                    raise ValidationError(f"{uri} has more than {_MAX_MODEL_BYTES:,} bytes")
                digest.update(chunk)
                sink.write(chunk)
        yield file, digest.hexdigest()
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _checked(file: Path, uri: S3Uri) -> str:
    with file.open("rb") as content:
        head = content.read(_END_BYTES)
        content.seek(max(0, file.stat().st_size - _END_BYTES))
        tail = content.read()
    why = refusal(str(uri), head, tail)
    if why is not None:
        raise ValidationError(why)
    kind = format_of(head)
    if kind is None:
        raise ValidationError(
            f"{uri} is in no model format that is known: save it as XGBoost UBJSON or JSON, ONNX, "
            "safetensors, LightGBM text, CatBoost, PMML, TFLite or HDF5"
        )
    return kind


def _is_archive(objects: Objects, uri: S3Uri) -> bool:
    with objects.open(uri) as file:
        return file.read(2) == b"\x1f\x8b"
