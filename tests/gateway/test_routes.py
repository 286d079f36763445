from __future__ import annotations

import pytest

from modelyard.gateway.routes import (
    Capture,
    Endpoint,
    Keys,
    Model,
    Routes,
    Variant,
    decode,
    encode_keys,
    encode_routes,
    endpoint_key,
)
from modelyard.sealing import Revocation


def test_messages_arrive_as_they_were_sent() -> None:
    keys = Keys(
        secrets={"a": ("s", "1", "arn", "id")},
        tokens={"t": ("1", "arn", "id")},
        sealing_key="k",
        default_region="r",
        relay_secret="r",
        revoked=(Revocation(before_micros=1, role_arn="r", session_name="s"),),
    )
    assert decode(encode_keys(keys)) == keys
    capture = Capture(
        folder="/f",
        bucket="b",
        prefix="p",
        percentage=50,
        input=True,
        output=False,
        csv_content_types=["text/csv"],
        json_content_types=[],
    )
    model = Model(folder="/m", image="xgboost", environment={"A": "1"})
    variant = Variant(name="v", weight=0.5, model=model)
    endpoints = {"k": Endpoint(variants=[variant], capture=capture), "l": Endpoint(variants=[])}
    routes = Routes(generation=3, endpoints=endpoints)
    assert decode(encode_routes(routes)) == routes
    assert encode_routes(routes).count(b"\n") == 1


def test_other_messages_are_refused() -> None:
    with pytest.raises(ValueError, match="'hello' is not a message to a worker"):
        decode(b'{"type": "hello"}')


def test_names_are_looked_up_whatever_their_case() -> None:
    key = endpoint_key(account="1", region="r", name="My-Endpoint")
    assert key == endpoint_key(account="1", region="r", name="my-ENDPOINT")
