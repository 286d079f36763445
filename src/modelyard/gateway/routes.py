"""The routing snapshot: all that a gateway worker knows.

The control plane sends a worker one JSON line per message over its standard input, and the worker
answers over its standard output (its log goes to standard error). When standard input ends, the
control plane is gone, and the worker flushes what it holds and ends.

To the worker:   {"type": "keys", ...Keys}        who may sign or bear a token
                 {"type": "routes", ...Routes}    the whole snapshot, newer generations replace older
From the worker: {"type": "ready", "port": 8081}
                 {"type": "applied", "generation": 12, "failed": {"<endpoint key>": "<why>"}}
                 {"type": "metrics", "endpoints": {"<endpoint key>": {"<variant>": {...counters}}}}

A route that fails to load leaves the endpoint's earlier route, if it had one, in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What callers may prove themselves with."""

    secrets: Mapping[str, tuple[str, str]]  # access key id -> (secret access key, account)
    tokens: Mapping[str, str]  # bearer token -> account
    sealing_key: str  # base64; opens the session tokens of temporary credentials
    default_region: str  # of callers with a bearer token


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model, ready on local disk."""

    folder: str  # absolute; what the archive held, and what `gateway.prepare` made of it
    image: str  # the built-in image that serves it: "xgboost"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Variant:
    name: str
    weight: float  # its share of the sum of the weights; 0 gets only what names it
    model: Model


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Where requests and answers are kept (DataCaptureConfig)."""

    folder: str  # absolute; the account's root in the object store
    bucket: str
    prefix: str  # without slashes at its ends
    percentage: int  # of requests, 0 to 100
    input: bool
    output: bool
    csv_content_types: Sequence[str]  # lower case
    json_content_types: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One endpoint's route; its key is `<account>/<region>/<name>`."""

    variants: Sequence[Variant]
    capture: Capture | None = None


@dataclass(frozen=True, kw_only=True)
class Routes:
    generation: int
    endpoints: Mapping[str, Endpoint]


def endpoint_key(*, account: str, region: str, name: str) -> str:
    """Return the key of an endpoint in a snapshot; names are looked up whatever their case."""
    return f"{account}/{region}/{name.lower()}"
