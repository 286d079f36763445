"""The door without MLflow behind it: who is asked to sign in, and what is said of the extra."""

from __future__ import annotations

from tests.api.world import House


def test_without_the_extra_the_door_names_it(house: House) -> None:
    answer = house.send("GET", "/mlflow/api/2.0/mlflow/experiments/search")
    assert answer.status == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert "modelyard[mlflow]" in answer.json()["message"]


def test_a_stranger_learns_nothing_not_even_what_is_offered(house: House) -> None:
    for path in ("/mlflow", "/mlflow/", "/mlflow/no/such/thing"):
        answer = house.send("GET", path, bearer="")
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert house.send("GET", path, bearer="my_session_x.y").status == 401


def test_a_path_beside_it_is_another_doors(house: House) -> None:
    assert "error_code" not in house.send("GET", "/mlflowx", bearer="").json()
