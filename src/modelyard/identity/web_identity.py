"""OIDC tokens: who a registered identity provider says that a caller is.

OpenID Connect Core 1.0, 3.1.3.7 (what to check of an ID token); RFC 8725 (how tokens were abused).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from modelyard.identity.iam_conditions import ConditionValues
from modelyard.identity.signing_keys import ALGORITHMS, SigningKeys
from modelyard.operations.errors import ExpiredIdentityToken, InvalidIdentityToken

LEEWAY_SECONDS = 30  # between the provider's clock and ours
_REQUIRED = ["exp", "iat", "iss", "aud", "sub"]


@dataclass(frozen=True, kw_only=True)
class WebIdentity:
    """Whom a token speaks of, verified."""

    issuer: str  # without its scheme
    subject: str
    audience: str
    claims: Mapping[str, Any]

    def condition_values(self) -> ConditionValues:
        """Return every claim as `<issuer>:<claim>`, which trust policies may ask for."""
        found: dict[str, str | Sequence[str]] = {}
        for name, value in self.claims.items():
            texts = value if isinstance(value, list) else [value]
            if all(isinstance(text, str | bool | int | float) for text in texts):
                found[f"{self.issuer}:{name}"] = [_text(text) for text in texts]
        found[f"{self.issuer}:aud"] = self.audience
        return found


def issuer_of(token: str) -> str:
    """Return the issuer that a token claims to be of; nothing of it is verified.

    Raises:
        InvalidIdentityToken: it is no token, or one that can never be accepted.
    """
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidIdentityToken(f"the web identity token is no JSON web token: {error}") from (
            error
        )
    algorithm = header.get("alg")
    if str(algorithm).lower() == "none":
        raise InvalidIdentityToken(
            "the web identity token is not signed (its algorithm is none): anybody could have "
            "written it"
        )
    if algorithm not in ALGORITHMS:
        raise InvalidIdentityToken(
            f"the web identity token is signed with {algorithm!r}: only {' and '.join(ALGORITHMS)} "
            "are accepted"
        )
    if "crit" in header:
        raise InvalidIdentityToken("the web identity token has critical headers, unknown here")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise InvalidIdentityToken("the web identity token names no issuer (iss)")
    return issuer


def verify(
    token: str,
    keys: SigningKeys,
    *,
    issuer: str,
    audiences: Sequence[str],
    now: datetime,
) -> WebIdentity:
    """Return whom a token speaks of.

    Args:
        issuer: the registered provider's URL, which the token must be of.
        audiences: whom the provider was registered for; the token must be for one of them.
        now: aware.

    Raises:
        InvalidIdentityToken: it is not what it must be; the message says in what.
        ExpiredIdentityToken: its time is over.
        IdentityProviderUnreachable: the provider's keys cannot be fetched.
    """
    header = jwt.get_unverified_header(token)
    key_id = header.get("kid")
    key = keys.find(issuer, key_id if isinstance(key_id, str) else None)
    try:
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=spellings(issuer),
            audience=list(audiences),
            # Times are compared below, with a clock that a test can set.
            options={
                "require": _REQUIRED,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidAudienceError as error:
        raise InvalidIdentityToken(
            "the web identity token is for another audience: the provider is registered for "
            f"{', '.join(audiences)}"
        ) from error
    except jwt.InvalidIssuerError as error:
        raise InvalidIdentityToken(f"the web identity token is not of {issuer}") from error
    except jwt.MissingRequiredClaimError as error:
        raise InvalidIdentityToken(f"the web identity token lacks {error.claim!r}") from error
    except jwt.InvalidAlgorithmError as error:
        raise InvalidIdentityToken(
            f"the web identity token's algorithm is not that of its key, {key.algorithm}"
        ) from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidIdentityToken(f"the web identity token is not genuine: {error}") from error
    _check_times(claims, now)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise InvalidIdentityToken("the web identity token's subject has not 1 to 255 characters")
    given = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    return WebIdentity(
        issuer=without_scheme(issuer),
        subject=subject,
        audience=next(audience for audience in given if audience in audiences),
        claims=claims,
    )


def spellings(url: str) -> list[str]:
    """Return how a provider may write its URL: some end theirs with a slash."""
    return [url.rstrip("/"), url.rstrip("/") + "/"]


def without_scheme(url: str) -> str:
    """Return a provider's URL as its ARN and the condition keys have it."""
    return url.partition("://")[2].rstrip("/")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    moment = now.timestamp()
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    for name, value in times.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidIdentityToken(f"the web identity token's {name!r} is not a time")
    if moment >= times["exp"] + LEEWAY_SECONDS:
        raise ExpiredIdentityToken("the web identity token has expired: ask for a new one")
    for name in ("iat", "nbf"):
        if name in times and moment < times[name] - LEEWAY_SECONDS:
            raise InvalidIdentityToken(f"the web identity token is not valid yet ({name})")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
