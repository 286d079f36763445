from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from modelyard.gateway.errors import GatewayError
from modelyard.gateway.routes import Endpoint, Model, Routes, Variant
from modelyard.gateway.serving import InMemory, Loader
from tests.gateway.conftest import Trained
from tests.gateway.live import capture, variant


def routes(**endpoints: Endpoint) -> Routes:
    return Routes(generation=1, endpoints=endpoints)


def test_endpoints_that_serve_one_folder_share_the_model(blue: Trained) -> None:
    one = Endpoint(variants=[variant(blue.folder)])
    table, failed = Loader().load(routes(a=one, b=one), {})
    assert failed == {}
    one_served, other_served = (table[name].ordered[0].model for name in "ab")
    assert isinstance(one_served, InMemory)
    assert isinstance(other_served, InMemory)
    assert one_served.model is other_served.model


def test_models_and_counters_that_stay_are_taken_over_and_others_freed(
    blue: Trained, green: Trained
) -> None:
    loader = Loader()
    first, _ = loader.load(
        routes(
            a=Endpoint(variants=[variant(blue.folder)]),
            b=Endpoint(variants=[variant(green.folder)]),
        ),
        {},
    )
    first["a"].ordered[0].counters.count(200, 0.0, 0.0)
    kept, gone = first["a"].ordered[0].model, weakref.ref(first["b"].ordered[0].model)
    second, _ = loader.load(routes(a=Endpoint(variants=[variant(blue.folder)])), first)
    assert second["a"].ordered[0].model is kept
    assert list(loader.tallies()) == ["a"]
    assert loader.tallies()["a"]["AllTraffic"]["invocations"] == 1
    del first
    gc.collect()
    assert gone() is None


def test_an_endpoint_that_fails_stays_as_it_was(blue: Trained, tmp_path: Path) -> None:
    loader = Loader()
    first, _ = loader.load(routes(a=Endpoint(variants=[variant(blue.folder)])), {})
    broken = Endpoint(variants=[variant(blue.folder), variant(tmp_path, "other")])
    second, failed = loader.load(routes(a=broken, b=broken), first)
    assert second == first
    assert set(failed) == {"a", "b"}


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (Endpoint(variants=[]), "has no variants"),
        (
            Endpoint(variants=[Variant(name="v", weight=1, model=Model(folder="/", image="bert"))]),
            "no image 'bert': it serves 'xgboost'",
        ),
    ],
)
def test_what_cannot_be_served_says_why(endpoint: Endpoint, said: str) -> None:
    _, failed = Loader().load(routes(a=endpoint), {})
    assert said in failed["a"]


def test_a_capture_outside_of_its_bucket_fails_the_endpoint(blue: Trained, tmp_path: Path) -> None:
    kept = capture(tmp_path, "e", prefix="../e")
    endpoint = Endpoint(variants=[variant(blue.folder)], capture=kept)
    _, failed = Loader().load(routes(a=endpoint), {})
    assert "no place to capture data at" in failed["a"]


def test_variants_are_chosen_by_weight_and_by_name(blue: Trained) -> None:
    variants = [variant(blue.folder, "a", 1.0), variant(blue.folder, "b", 0.0)]
    table, _ = Loader().load(routes(e=Endpoint(variants=variants)), {})
    assert {table["e"].choose().name for _ in range(50)} == {"a"}
    assert table["e"].named("b").name == "b"
    with pytest.raises(GatewayError, match=r"'c' not found for Request. The endpoint has a, b"):
        table["e"].named("c")
