"""Layers lie one over the other as the image format says, and nothing gets out of the folder."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from modelyard.images.image_builder.layers import LayerError, add_mount_points, inside, unpack


def layer(path: Path, entries: Mapping[str, str | tuple[str, str] | None]) -> Path:
    """Write a layer: name -> a file's text, ("link" | "hard", target), or None for a folder."""
    with tarfile.open(path, "w") as tar:
        for name, what in entries.items():
            member = tarfile.TarInfo(name)
            if what is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
            elif isinstance(what, tuple):
                member.type = tarfile.SYMTYPE if what[0] == "link" else tarfile.LNKTYPE
                member.linkname = what[1]
                tar.addfile(member)
            else:
                member.size, member.mode = len(what), 0o4755
                tar.addfile(member, io.BytesIO(what.encode()))
    return path


def laid(folder: Path, *layers: Mapping[str, str | tuple[str, str] | None]) -> Path:
    root = folder / "root"
    unpack([layer(folder / f"{n}.tar", given) for n, given in enumerate(layers)], root)
    return root


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_an_upper_layer_replaces_removes_and_empties(tmp_path: Path) -> None:
    lower = {"a": "1", "gone": "x", "d/old": "x", "e/kept": "1", "f/x": "1"}
    upper = {"a": "2", ".wh.gone": "", "d/new": "2", "d/.wh..wh..opq": "", "e/more": "2", "f": "2"}
    found = files(laid(tmp_path, lower, upper))
    assert found == {"a": "2", "d/new": "2", "e/kept": "1", "e/more": "2", "f": "2"}


def test_a_whole_folder_is_removed(tmp_path: Path) -> None:
    assert files(laid(tmp_path, {"d/a": "1", "d/e/b": "1"}, {".wh.d": ""})) == {}


def test_no_right_to_become_another_user_is_kept(tmp_path: Path) -> None:
    assert (laid(tmp_path, {"a": "1"}) / "a").stat().st_mode & 0o7777 == 0o755


def test_links_are_followed_inside_of_the_image(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = laid(
        tmp_path,
        {"usr/bin/sh": "sh", "bin": ("link", "usr/bin"), "out": ("link", str(outside))},
        {"bin/new": "new", "out/x": "x", "up/../../../../y": "y", "hard": ("hard", "bin/sh")},
    )
    assert (root / "usr/bin/new").read_text() == "new"
    assert (root / "hard").read_text() == "sh"
    assert (root / "y").read_text() == "y"
    assert list(outside.iterdir()) == []
    assert (root / str(outside).lstrip("/") / "x").read_text() == "x"


def test_a_hard_link_to_a_file_outside_finds_none(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(LayerError, match="No such file"):
        laid(tmp_path, {"a": ("hard", "../secret")})


def test_links_that_lead_in_a_circle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="too many links"):
        laid(tmp_path, {"a": ("link", "b"), "b": ("link", "a"), "a/x": "1"})


def test_a_damaged_layer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(LayerError, match=r"layer 0\.tar"):
        unpack([tmp_path / "0.tar"], tmp_path / "root")


def test_where_something_is_mounted_there_is_no_link(tmp_path: Path) -> None:
    """It would be followed by whoever mounts, out of the image."""
    root = laid(
        tmp_path,
        {
            "opt": ("link", "/etc"),
            "tmp": ("link", "/var/tmp"),
            "etc/hosts": ("link", "/x"),
            "dev": "1",
        },
    )
    add_mount_points(root, ["opt/ml", "tmp", "dev", "proc"], ["etc/hosts", "etc/resolv.conf"])
    for name in ("opt", "opt/ml", "tmp", "dev", "proc"):
        assert (root / name).is_dir()
        assert not (root / name).is_symlink()
    assert (root / "etc/hosts").is_file()
    assert not (root / "etc/hosts").is_symlink()


def test_a_name_is_found_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/b/c")
    assert inside(tmp_path, "a/d") == tmp_path / "b" / "c" / "d"
    assert inside(tmp_path, "../../x") == tmp_path / "x"
