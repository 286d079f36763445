"""The archive of an image builder: unpacked as a whole or refused; which images it builds upon."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from modelyard.orchestrator.assets import Assets
from modelyard.orchestrator.image_builds.source import SourceError, base_images, unpack
from modelyard.store.objects import ObjectStores


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    objects = ObjectStores(tmp_path / "objects").of("123456789012")
    objects.create_bucket("assets")
    return Assets(objects, "assets")


def archive(files: dict[str, bytes], *, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            zipped.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def test_programs_of_the_contract_become_executable(assets: Assets, tmp_path: Path) -> None:
    files = {"Dockerfile": b"FROM scratch", "a/serve": b"x", "train": b"x", "other": b"x"}
    assets.put("x.zip", archive(files))
    digest = unpack(assets, "x.zip", tmp_path / "work")
    assert len(digest) == 64
    context = tmp_path / "work" / "context"
    runs = {name: os.access(context / name, os.X_OK) for name in files}
    assert runs == {"Dockerfile": False, "a/serve": True, "train": True, "other": False}
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["context"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive({"Dockerfile": b"", "../up": b""}), "leads out of the archive's folder"),
        (archive({"Dockerfile": b""}, link="passwd"), "is a link"),
        (archive({"x/Dockerfile": b""}), "no Dockerfile at its top: it holds x/Dockerfile"),
        (archive({}), "it holds no file"),
        (b"no zip at all", "neither a tar.gz nor a zip"),
    ],
    ids=["climbing", "link", "no Dockerfile", "empty", "no zip"],
)
def test_what_breaks_a_rule_is_refused_whole(
    assets: Assets, tmp_path: Path, content: bytes, said: str
) -> None:
    assets.put("x.zip", content)
    with pytest.raises(SourceError, match=said):
        unpack(assets, "x.zip", tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_bomb_is_refused_before_it_is_unpacked(
    assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.orchestrator.image_builds.source.MAX_BYTES", 1_000_000)
    assets.put("x.zip", archive({"Dockerfile": b"", "zeros": bytes(2_000_000)}))
    with pytest.raises(SourceError, match="more than 1,000,000 bytes"):
        unpack(assets, "x.zip", tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_base_images_are_those_of_no_stage_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "# FROM comment\nFROM --platform=linux/amd64 golang:1.22 AS build\nRUN make\n"
        "from build as second\nFROM \\\n  ghcr.io/x/y@sha256:1\nFROM scratch\n"
        "COPY --from=build /a /\n"
    )
    assert list(base_images(tmp_path)) == ["golang:1.22", "ghcr.io/x/y@sha256:1"]
