"""The keys that identity providers sign their tokens with, fetched and remembered.

A provider says where they are in `<issuer>/.well-known/openid-configuration` (OpenID Connect
Discovery 1.0); there lies a JSON Web Key Set (RFC 7517). Each key goes with one algorithm, which
follows from the key and never from a token: RS256 of RSA, ES256 of the curve P-256.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from modelyard import clock
from modelyard.operations.errors import IdentityProviderUnreachable, InvalidIdentityToken
from modelyard.outbound import Answer, OutboundError

ALGORITHMS = ("RS256", "ES256")
MIN_RSA_BITS = 2048
_MAX_KEYS = 100
#: Keys that a provider took back work no longer than this.
KEEP_SECONDS = 3600
#: A token of an unknown key makes them fetched again, but not more often than this.
REFETCH_SECONDS = 60


class Outbound(Protocol):
    """What is needed of `modelyard.outbound.Outbound`."""

    def call(self, method: str, url: str) -> Answer: ...


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """One key and the algorithm that it is for."""

    algorithm: str
    key: RSAPublicKey | EllipticCurvePublicKey


@dataclass(kw_only=True)
class _Fetched:
    """What is known of one issuer; `lock` lets one thread at a time fetch."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: Mapping[str, SigningKey] = field(default_factory=dict)
    at: datetime | None = None  # of the last attempt, also of one that failed
    failure: str = ""


class SigningKeys:
    """Finds keys. It blocks while it fetches. Safe to use from any thread."""

    def __init__(self, outbound: Outbound, now: Callable[[], datetime] = clock.now) -> None:
        self._outbound = outbound
        self._now = now
        self._issuers: dict[str, _Fetched] = {}
        self._lock = threading.Lock()

    def find(self, issuer: str, key_id: str | None) -> SigningKey:
        """Return the key that a token of `issuer` names; the only one, if it names none.

        Args:
            issuer: the URL of a registered provider: nothing else is ever asked.

        Raises:
            InvalidIdentityToken: the provider has no such key.
            IdentityProviderUnreachable: its keys cannot be fetched.
        """
        with self._lock:
            known = self._issuers.setdefault(issuer, _Fetched())
        with known.lock:
            found = _pick(known.keys, key_id)
            if self._is_due(known, missing=found is None):
                found = self._refreshed(known, issuer, key_id)
        if found is not None:
            return found
        if known.failure:
            raise IdentityProviderUnreachable(known.failure)
        raise InvalidIdentityToken(
            f"{issuer} has no key {key_id!r} to sign with: RS256 with at least {MIN_RSA_BITS} bits "
            "and ES256 are accepted"
        )

    def _is_due(self, known: _Fetched, *, missing: bool) -> bool:
        if known.at is None:
            return True
        age = (self._now() - known.at).total_seconds()
        return age >= (REFETCH_SECONDS if missing else KEEP_SECONDS)

    def _refreshed(self, known: _Fetched, issuer: str, key_id: str | None) -> SigningKey | None:
        known.at = self._now()
        try:
            known.keys, known.failure = self._fetch(issuer), ""
        except (OutboundError, ValueError) as error:
            # What was fetched before is too old, or did not have the key.
            known.keys = {}
            known.failure = f"the keys of {issuer} cannot be fetched: {error}"
        return _pick(known.keys, key_id)

    def _fetch(self, issuer: str) -> dict[str, SigningKey]:
        base = issuer.rstrip("/")
        configuration = self._document(f"{base}/.well-known/openid-configuration")
        if str(configuration.get("issuer", "")).rstrip("/") != base:
            raise ValueError(f"its configuration is that of {configuration.get('issuer')!r}")
        where = configuration.get("jwks_uri")
        if not isinstance(where, str):
            raise ValueError("its configuration has no jwks_uri")  # noqa: TRY004
        keys = self._document(where).get("keys")
        if not isinstance(keys, list) or len(keys) > _MAX_KEYS:
            raise ValueError(f"its key set is not a list of at most {_MAX_KEYS} keys")
        found: dict[str, SigningKey] = {}
        for given in keys:
            key = _usable(given)
            if key is not None:
                found[str(given.get("kid", ""))] = key
        return found

    def _document(self, url: str) -> dict[str, Any]:
        answer = self._outbound.call("GET", url)
        if answer.status != 200:
            raise ValueError(f"{url} answers with {answer.status}")
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{url} answers no JSON") from error
        if not isinstance(found, dict):
            raise ValueError(f"{url} answers no JSON object")  # noqa: TRY004
        return found


def _pick(keys: Mapping[str, SigningKey], key_id: str | None) -> SigningKey | None:
    if key_id is None:
        return next(iter(keys.values())) if len(keys) == 1 else None
    return keys.get(key_id)


def _usable(given: object) -> SigningKey | None:
    """Return a key of a set, or None: sets may have keys for other ends, or of no public kind."""
    if not isinstance(given, dict) or given.get("use", "sig") != "sig":
        return None
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(given.get("kty")))
    if algorithm is None or given.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(given, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return SigningKey(algorithm=algorithm, key=key)
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return SigningKey(algorithm=algorithm, key=key)
    return None
