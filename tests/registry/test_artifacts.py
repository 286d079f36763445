"""What may be registered, and what was changed since."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.operations.errors import ValidationError
from modelyard.registry.formats import format_of, refusal
from tests.registry.world import World, booster, model_archive, packed, root


@pytest.fixture
def ready(world: World) -> World:
    world.group()
    return world


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_any_protocol_is_refused_with_a_word_on_converting(
    ready: World, protocol: int
) -> None:
    data = packed({"model.bin": pickle.dumps({"weights": [1.0, 2.0], "s": "x"}, protocol)})
    with pytest.raises(ValidationError, match=r"is a Python pickle.*save_model"):
        ready.register(url=ready.put("p.tar.gz", data))
    with pytest.raises(ValidationError, match="pickle"):
        ready.register(url=ready.put("p.tar.gz", data), SkipModelValidation="All")


def test_wrapped_pickles_are_refused() -> None:
    inner = pickle.dumps([1, 2, 3] * 10)
    objects = io.BytesIO()
    np.save(objects, np.array([{}], dtype=object), allow_pickle=True)
    for data in (
        zlib.compress(inner),
        objects.getvalue(),
        b"PK\x03\x04" + b"x" * 26 + b"archive/data.pkl",
    ):
        assert refusal("m", data, data) is not None


def test_an_archive_with_a_link_is_refused(ready: World) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.type = tarfile.SYMTYPE
        entry.linkname = "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(ValidationError, match="symbolic link"):
        ready.register(url=ready.put("l.tar.gz", target.getvalue()))


def test_an_archive_without_a_model_is_registered_only_if_validation_is_skipped(
    ready: World,
) -> None:
    url = ready.put("c.tar.gz", packed({"code.py": b"print('hello')\n"}))
    with pytest.raises(ValidationError, match="no model in a format that is known"):
        ready.register(url=url)
    assert ready.register(url=url, SkipModelValidation="All").endswith("/1")


def test_a_missing_archive_and_all_other_faults_are_told_at_once(ready: World) -> None:
    request = ready.request()
    request["AdditionalInferenceSpecifications"] = [
        {"Name": "a", "Containers": [{"Image": "i", "ModelDataUrl": "s3://nowhere/a.tar.gz"}]},
        {"Name": "b", "Containers": [{"Image": "i", "ModelDataUrl": "http://x"}]},
    ]
    with pytest.raises(ValidationError) as caught:
        ready.versions.create_model_package(root(), request)
    assert "2 validation errors" in caught.value.message


def test_formats_are_told_by_their_bytes() -> None:
    assert format_of(bytes(booster().save_raw("ubj"))) == "ubjson"
    assert format_of(bytes(booster().save_raw("json"))) == "json"
    assert format_of(b"tree\nversion=v4\n") == "lightgbm"
    assert format_of((8).to_bytes(8, "little") + b'{"a":{}}') == "safetensors"
    assert format_of(b"just text") is None


@given(st.text(max_size=200))
def test_no_text_is_taken_for_a_pickle(text: str) -> None:
    data = f"The {text}".encode()
    assert refusal("README", data, data) is None


@given(
    st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=20), st.integers(0, 5)
)
def test_every_pickle_is_found(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert refusal("m", data, data) is not None


def test_an_artifact_that_was_changed_is_not_deployed(ready: World) -> None:
    arn = ready.register()
    ready.update(root(), arn, ModelApprovalStatus="Approved")
    assert ready.deployments.resolve(root(), arn).container["ModelDataUrl"].endswith("model.tar.gz")
    changed = packed({"xgboost-model": bytes(booster().save_raw("json"))})
    ready.put("model.tar.gz", changed)
    with pytest.raises(ValidationError, match="was changed after it was registered"):
        ready.deployments.resolve(root(), arn)
    ready.put("model.tar.gz", model_archive())


def test_only_an_approved_version_is_deployed(ready: World) -> None:
    arn = ready.register()
    with pytest.raises(ValidationError, match="only an Approved model package can be deployed"):
        ready.deployments.resolve(root(), arn)
