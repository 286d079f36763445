"""Images by their URIs: built in, built here, gone; and the names that engines complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.compute.images import UnknownImageError
from modelyard.containers.catalogue import IMAGE, Catalogue, register
from modelyard.containers.references import OwnReference, image_uri, repository_arn
from modelyard.containers.workshop import canonical
from modelyard.store.resources import Scope, Store
from tests.compute.test_image_building import made
from tests.live import XGBOOST
from tests.orchestrator.world import new_store

SCOPE = Scope(account="123456789012", region="eu-west-1")
URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/toy"


def build(store: Store, folder: Path, *, tag: str, **config: object) -> str:
    """Have an image under a tag; return its digest."""
    digest = ImageFolder(folder / "images").admit(made(folder / f"made-{tag}", {"config": config}))
    with store.write() as transaction:
        register(transaction, SCOPE, "team/toy", tag, digest, origin={})
    return digest


def test_an_image_is_found_by_its_tag_and_by_its_digest(tmp_path: Path) -> None:
    with new_store() as store:
        digest = build(store, tmp_path, tag="1", Entrypoint=["/run"])
        catalogue = Catalogue(store, ImageFolder(tmp_path / "images"))
        pinned = f"{URI}@{digest}"
        for uri in (f"{URI}:1", pinned):
            image = catalogue.image_of(uri, "serve")
            assert (image.name, image.pinned, image.port) == ("team/toy", pinned, 8080)
            assert image.serve[-2:] == ["/run", "serve"]
            assert image.server == "program"
            assert image.root is not None


def test_built_in_images_are_found_first(tmp_path: Path) -> None:
    with new_store() as store:
        catalogue = Catalogue(store, ImageFolder(tmp_path / "images"))
        assert catalogue.find(XGBOOST).name == "xgboost"
        assert catalogue.image_of(XGBOOST, "train").root is None


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (f"{URI}:2", "Nor is it one that was built here"),
        (f"{URI}@sha256:{'0' * 64}", "Nor is it one that was built here"),
        ("docker.io/library/python:3.12", "setting image_registries"),
        ("nothing", "is not offered"),
        (f"{URI}/../x:1", "Nor is it one"),
    ],
)
def test_what_is_not_there_says_how_to_get_it(tmp_path: Path, uri: str, said: str) -> None:
    with new_store() as store:
        build(store, tmp_path, tag="1")
        catalogue = Catalogue(store, ImageFolder(tmp_path / "images"))
        with pytest.raises(UnknownImageError, match=said):
            catalogue.find(uri)


def test_an_image_that_is_gone_from_this_machine_says_so(tmp_path: Path) -> None:
    with new_store() as store:
        build(store, tmp_path, tag="1")
        catalogue = Catalogue(store, ImageFolder(tmp_path / "elsewhere"))
        with pytest.raises(UnknownImageError, match="not on this machine any more"):
            catalogue.find(f"{URI}:1")


def test_what_nobody_knows_of_is_swept_away(tmp_path: Path) -> None:
    with new_store() as store:
        digest = build(store, tmp_path, tag="1")
        orphan = tmp_path / "images" / f"sha256-{'1' * 64}"
        orphan.mkdir()
        folder = ImageFolder(tmp_path / "images")
        Catalogue(store, folder).sweep()
        assert folder.has(digest)
        assert not orphan.exists()


def test_a_tag_may_move_and_the_older_image_stays(tmp_path: Path) -> None:
    with new_store() as store:
        first = build(store, tmp_path, tag="1")
        with store.write() as transaction:
            register(transaction, SCOPE, "team/toy", "1", f"sha256:{'2' * 64}", origin={})
        with store.read() as snapshot:
            assert snapshot.find(SCOPE, IMAGE, f"team/toy@{first}") is not None
        catalogue = Catalogue(store, ImageFolder(tmp_path / "images"))
        assert catalogue.find(f"{URI}@{first}").pinned.endswith(first)


@pytest.mark.parametrize(
    ("uri", "tag", "digest"),
    [
        (URI, "latest", ""),
        (f"{URI}:1.2", "1.2", ""),
        (f"{URI}@sha256:{'a' * 64}", "", f"sha256:{'a' * 64}"),
        (f"{URI}:1@sha256:{'a' * 64}", "1", f"sha256:{'a' * 64}"),
    ],
)
def test_a_uri_has_its_parts(uri: str, tag: str, digest: str) -> None:
    found = OwnReference.parse(uri)
    assert found == OwnReference(scope=SCOPE, repository="team/toy", tag=tag, digest=digest)
    assert image_uri(SCOPE, "team/toy", tag="1") == f"{URI}:1"
    assert repository_arn(SCOPE, "a/b") == "arn:aws:ecr:eu-west-1:123456789012:repository/a/b"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12", "docker.io/library/python:3.12"),
        ("user/x", "docker.io/user/x:latest"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest"),
        ("localhost:5000/a@sha256:1", "localhost:5000/a@sha256:1"),
    ],
)
def test_engines_complete_a_name(name: str, full: str) -> None:
    assert canonical(name) == full
