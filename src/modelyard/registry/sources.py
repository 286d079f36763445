"""Models from outside SageMaker's shapes: an MLflow run's model folder, or a model file.

What is found is packed as this house serves it, a `model.tar.gz` next to it in its bucket under
`modelyard-registered/<SHA-256 of the model>/`, and registered from there.
https://mlflow.org/docs/latest/ml/model/#storage-format
"""

from __future__ import annotations

import hashlib
import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from modelyard.compute.packing import pack
from modelyard.operations.errors import ValidationError
from modelyard.registry.formats import format_of, refusal
from modelyard.store.errors import StoreError
from modelyard.store.objects import Objects, S3Uri

_MLMODEL = "MLmodel"
_MAX_MLMODEL_BYTES = 1 << 20
_MAX_MODEL_BYTES = 8 * 2**30
_CHUNK_BYTES = 1 << 20
_END_BYTES = 64 * 1024
_FLAVORS = ("xgboost", "onnx")
_XGBOOST_FORMATS = ("ubjson", "json")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A model that was found, and packed."""

    url: str  # of the archive
    format: str
    told: Mapping[str, Any] = field(default_factory=dict)  # what its source says of it


def find(objects: Objects, text: str) -> Found:
    """Return the model that lies at an S3 URI, as an archive.

    Args:
        text: of a `model.tar.gz`, of a model file, or of a folder with an `MLmodel` file.

    Raises:
        ValidationError: there is none, or none that may be registered.
    """
    try:
        uri = S3Uri.parse(text)
    except ValueError as error:
        raise ValidationError(f"SourceUri: {error}") from error
    try:
        if objects.exists(uri):
            if _is_archive(objects, uri):
                return Found(url=str(uri), format="archive", told={"Kind": "archive"})
            return _packed(objects, uri, {"Kind": "file"})
        folder = S3Uri(bucket=uri.bucket, key=uri.key.rstrip("/") + "/")
        described = S3Uri(bucket=folder.bucket, key=f"{folder.key}{_MLMODEL}")
        if objects.exists(described):
            return _mlflow(objects, folder, described)
    except StoreError as error:
        raise ValidationError(f"SourceUri {text}: {error}") from error
    raise ValidationError(
        f"SourceUri {text}: there is no object there, and no folder with an {_MLMODEL} file: give "
        "the S3 URI of a model.tar.gz, of a model file, or of an MLflow model's folder"
    )


def _mlflow(objects: Objects, folder: S3Uri, described: S3Uri) -> Found:
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
    return _packed(objects, S3Uri(bucket=folder.bucket, key=path), told)


def _read_mlmodel(objects: Objects, uri: S3Uri) -> dict[str, Any]:
    try:
        said = yaml.safe_load(objects.get(uri, max_bytes=_MAX_MLMODEL_BYTES))
    except yaml.YAMLError as error:
        raise ValidationError(f"{uri} is not YAML: {error}") from error
    if not isinstance(said, dict):
        raise ValidationError(f"{uri} is not an MLmodel file: it is no mapping")
    return said


def _packed(objects: Objects, uri: S3Uri, told: Mapping[str, Any]) -> Found:
    with _copied(objects, uri) as (file, sha256):
        kind = _checked(file, uri)
        # XGBoost's image looks for this name; any other format keeps its own.
        name = "xgboost-model" if kind in _XGBOOST_FORMATS else Path(uri.key).name
        content = file.parent / "content"
        content.mkdir()
        file.rename(content / name)
        archive = file.parent / "model.tar.gz"
        pack([content], ".", archive)
        target = S3Uri(bucket=uri.bucket, key=f"modelyard-registered/{sha256}/model.tar.gz")
        if not objects.exists(target):
            objects.put_file(target, archive)
    return Found(url=str(target), format=kind, told={**told, "ModelFile": str(uri)})


@contextmanager
def _copied(objects: Objects, uri: S3Uri) -> Iterator[tuple[Path, str]]:
    """Yield a copy of an object in a folder of its own, and the SHA-256 of it."""
    aside = Path(tempfile.mkdtemp(prefix="modelyard-register-"))
    try:
        digest, size = hashlib.sha256(), 0
        file = aside / "model"
        with objects.open(uri) as source, file.open("xb") as sink:
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
