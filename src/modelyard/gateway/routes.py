"""The routing snapshot: all that a gateway worker knows.

The control plane sends a worker one JSON line per message over its standard input, and the worker
answers over its standard output (its log goes to standard error). When standard input ends, the
control plane is gone, and the worker flushes what it holds and ends.

To the worker:   {"type": "certificate", ...}     what to serve TLS with, if it is to
                 {"type": "keys", ...Keys}        who may sign or bear a token
                 {"type": "routes", ...Routes}    the whole snapshot; newer ones replace older
                 {"type": "decision", ...}        the answer to a question; see `permits`
                 {"type": "policies"}             who may do what has changed: ask again
From the worker: {"type": "ready", "port": 8081}  from now on it accepts connections
                 {"type": "applied", "generation": 12, "failed": {"<endpoint key>": "<why>"}}
                 {"type": "metrics", "endpoints": {"<endpoint key>": {"<variant>": {...Counters}}}}
                 {"type": "decide", "number": 7, ...}  may this caller invoke this endpoint?
                 {"type": "calls", "calls": [...]}     who did, or was refused; see `calls`

A worker accepts no connection before it has had its first keys (and its certificate, if it is to
serve TLS: the key travels over this pipe only) and applied its first routes. A
route that fails to load leaves the endpoint's earlier route, if it had one, in place. Of several
snapshots that wait, a worker applies the newest alone, and says so once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from modelyard.sealing import Revocation
from modelyard.tls_sockets import Certificate


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What callers may prove themselves with."""

    #: access key id -> (secret access key, account, ARN, user id)
    secrets: Mapping[str, tuple[str, str, str, str]]
    tokens: Mapping[str, tuple[str, str, str]]  # bearer token -> (account, ARN, user id)
    sealing_key: str  # base64url; opens the session tokens of temporary credentials
    default_region: str  # of callers with a bearer token
    revoked: Sequence[Revocation] = ()  # sessions that are over ahead of their time
    relay_secret: str = ""  # of who is believed whom it relays for (see `relay`); "": nobody is

    def __repr__(self) -> str:  # no secret in a log
        return f"Keys({len(self.secrets)} access keys, {len(self.tokens)} tokens)"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the control plane says to a question of a worker's."""

    number: int  # the question's
    allowed: bool
    refusal: str = ""
    policies: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class PoliciesChanged:
    """All verdicts so far are void."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model, ready on local disk."""

    folder: str  # absolute; what the archive held, and what `gateway.prepare` made of it
    image: str  # the built-in image that serves it: "xgboost"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Program:
    """One serving program, under the public hosting contract."""

    socket: str  # the absolute path of a unix socket
    log_arn: str  # of the log stream in which it says what went wrong


@dataclass(frozen=True, kw_only=True)
class Programs:
    """What serves one model outside of the worker: programs that are all alike."""

    programs: Sequence[Program]  # those that answer; at the moment there may be none
    timeout_seconds: float = 60.0  # for one invocation


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One production variant of an endpoint."""

    name: str
    weight: float  # its share of the sum of the weights; 0 gets only what names it
    model: Model | Programs  # in the worker's own memory, or behind sockets


@dataclass(frozen=True, kw_only=True)
class CaptureKey:
    """What captured files are encrypted with, as long as this snapshot lasts."""

    mode: str  # "aws:kms" or "AES256"
    sealed: str  # the data key as its header has it, base64
    plaintext: str  # base64

    def __repr__(self) -> str:  # no secret in a log
        return f"CaptureKey({self.mode})"


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Where requests and answers are kept (DataCaptureConfig)."""

    folder: str  # absolute; the account's root in the object store
    bucket: str
    prefix: str  # without slashes at its ends; its last part is the endpoint's name
    percentage: int  # of requests, 0 to 100
    input: bool
    output: bool
    csv_content_types: Sequence[str]  # lower case
    json_content_types: Sequence[str]
    key: CaptureKey | None = None  # None: the files are kept as they are


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One endpoint's route; its key is `<account>/<region>/<name>`."""

    variants: Sequence[Variant]
    capture: Capture | None = None


@dataclass(frozen=True, kw_only=True)
class Routes:
    """One whole snapshot."""

    generation: int
    endpoints: Mapping[str, Endpoint]


def endpoint_key(*, account: str, region: str, name: str) -> str:
    """Return the key of an endpoint in a snapshot; names are looked up whatever their case."""
    return f"{account}/{region}/{name.lower()}"


def encode_keys(keys: Keys) -> bytes:
    """Return the message that carries `keys`, a line."""
    return orjson.dumps({"type": "keys", "keys": keys}) + b"\n"


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the message that carries `certificate`, a line."""
    message = {"chain": certificate.chain.decode(), "key": certificate.key.decode()}
    return orjson.dumps({"type": "certificate", "certificate": message}) + b"\n"


def encode_routes(routes: Routes) -> bytes:
    """Return the message that carries `routes`, a line."""
    return orjson.dumps({"type": "routes", "routes": routes}) + b"\n"


def encode_verdict(verdict: Verdict) -> bytes:
    """Return the message that carries `verdict`, a line."""
    return orjson.dumps({"type": "decision", "decision": verdict}) + b"\n"


def encode_policies_changed() -> bytes:
    """Return the message that voids all verdicts, a line."""
    return orjson.dumps({"type": "policies"}) + b"\n"


def decode(line: bytes) -> Keys | Routes | Certificate | Verdict | PoliciesChanged:
    """Return what one of the functions above made a line of.

    Raises:
        ValueError: it is none of theirs.
    """
    message = orjson.loads(line)
    match message["type"]:
        case "keys":
            keys = message["keys"]
            return Keys(
                **{
                    **keys,
                    "secrets": {name: tuple(whose) for name, whose in keys["secrets"].items()},
                    "tokens": {token: tuple(whose) for token, whose in keys["tokens"].items()},
                    "revoked": tuple(Revocation(**one) for one in keys["revoked"]),
                }
            )
        case "certificate":
            parts = message["certificate"]
            return Certificate(chain=parts["chain"].encode(), key=parts["key"].encode())
        case "routes":
            routes = message["routes"]
            endpoints = {key: _endpoint(value) for key, value in routes["endpoints"].items()}
            return Routes(generation=routes["generation"], endpoints=endpoints)
        case "decision":
            return Verdict(**message["decision"])
        case "policies":
            return PoliciesChanged()
        case other:
            raise ValueError(
                f"{other!r} is not a message to a worker: they are 'certificate', 'keys', "
                "'routes', 'decision', 'policies'"
            )


def _endpoint(value: Mapping[str, Any]) -> Endpoint:
    capture = value["capture"]
    return Endpoint(
        variants=[Variant(**{**v, "model": _model(v["model"])}) for v in value["variants"]],
        capture=None if capture is None else _capture(capture),
    )


def _model(value: Mapping[str, Any]) -> Model | Programs:
    if "programs" not in value:
        return Model(**value)
    return Programs(**{**value, "programs": [Program(**one) for one in value["programs"]]})


def _capture(value: Mapping[str, Any]) -> Capture:
    key = value["key"]
    return Capture(**{**value, "key": None if key is None else CaptureKey(**key)})
