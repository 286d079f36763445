"""The door of git without a repository, and what it answers to who is no git."""

from __future__ import annotations

from tests.api.world import House

PATH = "/v1/repos/mlops-config/info/refs?service=git-upload-pack"


def test_a_stranger_is_asked_for_a_password_whatever_the_path(house: House) -> None:
    for path in (PATH, "/v1/repos/", "/v1/repos/x/y/z"):
        answer = house.send("GET", path, bearer="")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_without_a_repository_the_setting_is_named(house: House) -> None:
    answer = house.send("GET", PATH)
    assert answer.status == 404
    assert b"configuration_repository" in answer.data


def test_a_browser_is_refused(house: House) -> None:
    assert house.send("GET", PATH, Origin="http://evil.example").status == 403
    assert house.send("GET", PATH, Sec_Fetch_Site="cross-site").status == 403
