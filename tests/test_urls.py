from __future__ import annotations

import pytest

from modelyard.urls import base_url, reachable


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        ("127.0.0.1", "https://127.0.0.1:80"),
        ("0.0.0.0", "https://127.0.0.1:80"),
        ("::", "https://[::1]:80"),
        ("::1", "https://[::1]:80"),
        ("models.example.org", "https://models.example.org:80"),
    ],
)
def test_a_server_is_reached_by_what_it_binds_or_by_loopback(bound: str, url: str) -> None:
    assert base_url("https", reachable(bound), 80) == url
