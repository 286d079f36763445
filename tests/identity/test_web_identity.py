from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from modelyard.identity.principals import ANONYMOUS, root_of
from modelyard.identity.provider_operations import ProviderOperations
from modelyard.identity.signing_keys import REFETCH_SECONDS, SigningKeys
from modelyard.operations.errors import (
    AccessDenied,
    EntityAlreadyExists,
    ExpiredIdentityToken,
    IdentityProviderUnreachable,
    InvalidIdentityToken,
    MalformedPolicyDocument,
    NoSuchEntity,
    OperationError,
    ValidationError,
)
from modelyard.outbound import Answer, Outbound, OutboundError
from tests.identity.issuer import AUDIENCE, SUBJECT, Issuer
from tests.identity.trusting import DEV, STAGING, acting, make_role, trust
from tests.identity.world import World

HOST = "issuer.example/realm"


class Network:
    """The outbound client's stand-in: it reaches one issuer, as that answers."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer

    def call(self, method: str, url: str) -> Answer:
        assert method == "GET"
        if self.issuer.down:
            raise OutboundError("nobody answers")
        found = self.issuer.document(urlsplit(url).path)
        return Answer(status=200 if found else 404, headers={}, body=json.dumps(found).encode())


class Federation:
    """A world with an issuer, registered in the account DEV, and a role for its main branch."""

    def __init__(self, home: World) -> None:
        self.home = home
        self.issuer = Issuer()
        self.keys = SigningKeys(Network(self.issuer), now=home.clock)
        home.table.add(
            ProviderOperations(
                home.store, home.credentials, self.keys, Outbound().check, now=home.clock
            )
        )
        self.provider = self.register(DEV, AUDIENCE)
        self.role = self.make_role("ci", StringLike={f"{HOST}:sub": "repo:org/*"})

    def call(self, name: str, account: str = DEV, **members: Any) -> dict[str, Any]:
        context = self.home.context(root_of(account))
        return self.home.table.call(context, "iam", name, members)

    def register(self, account: str, *audiences: str) -> str:
        answer = self.call(
            "CreateOpenIDConnectProvider",
            account,
            Url=self.issuer.url,
            ClientIDList=list(audiences),
        )
        return str(answer["OpenIDConnectProviderArn"])

    def make_role(self, name: str, account: str = DEV, **condition: Any) -> str:
        document = trust({"Federated": self.provider}, **condition)
        document["Statement"][0]["Action"] = "sts:AssumeRoleWithWebIdentity"
        return make_role(self.home, account, name, document)

    def token(self, **claims: Any) -> str:
        return self.issuer.token(now=self.home.clock().timestamp(), **claims)

    def assume(self, token: str, role: str = "", **members: Any) -> dict[str, Any]:
        request = {
            "RoleArn": role or self.role,
            "RoleSessionName": "build",
            "WebIdentityToken": token,
            **members,
        }
        context = self.home.context(ANONYMOUS)
        return self.home.table.call(context, "sts", "AssumeRoleWithWebIdentity", request)


@pytest.fixture
def federation(home: World) -> Federation:
    return Federation(home)


def test_who_a_provider_vouches_for_gets_a_session(federation: Federation) -> None:
    answer = federation.assume(federation.token())
    principal = acting(federation.home, answer)
    assert principal.arn == f"arn:aws:sts::{DEV}:assumed-role/ci/build"
    assert principal.person.startswith(f"arn:aws:sts::{DEV}:federated-user/{HOST}/repo:org")
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert (answer["Provider"], answer["Audience"]) == (federation.provider, AUDIENCE)


def test_an_elliptic_key_signs_too(federation: Federation) -> None:
    federation.issuer.add("curve")
    assert federation.assume(federation.token(key_id="curve"))


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def forged(federation: Federation, header: dict[str, Any], signature: bytes | None) -> str:
    """Return the issuer's claims under another header; signed with its public key as a secret."""
    claims = Issuer().token(now=federation.home.clock().timestamp()).split(".")[1]
    head = encoded({"typ": "JWT", "kid": "first", **header})
    if signature is None:
        return f"{head}.{claims}."
    digest = hmac.digest(signature, f"{head}.{claims}".encode(), hashlib.sha256)
    return f"{head}.{claims}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
def test_an_unsigned_token_is_refused(federation: Federation, algorithm: str) -> None:
    with pytest.raises(InvalidIdentityToken, match="not signed"):
        federation.assume(forged(federation, {"alg": algorithm}, None))


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "PS256", "RS512", "EdDSA"])
def test_other_algorithms_are_refused(federation: Federation, algorithm: str) -> None:
    public = json.dumps(federation.issuer.document("/keys")).encode()
    with pytest.raises(InvalidIdentityToken, match=f"signed with '{algorithm}'"):
        federation.assume(forged(federation, {"alg": algorithm}, public))


def test_a_keys_algorithm_is_its_own(federation: Federation) -> None:
    federation.issuer.add("curve")
    token = forged(federation, {"alg": "RS256", "kid": "curve"}, b"x")
    with pytest.raises(InvalidIdentityToken, match="not that of its key, ES256"):
        federation.assume(token)


@pytest.mark.parametrize(
    ("claims", "error", "why"),
    [
        ({"aud": "another"}, InvalidIdentityToken, "another audience"),
        ({"aud": ["another"]}, InvalidIdentityToken, "another audience"),
        ({"iss": "https://elsewhere.example"}, InvalidIdentityToken, "No OpenIDConnect provider"),
        ({"iss": "http://issuer.example/realm"}, InvalidIdentityToken, "No OpenIDConnect"),
        ({"iss": None}, InvalidIdentityToken, "names no issuer"),
        ({"exp": None}, InvalidIdentityToken, "lacks 'exp'"),
        ({"iat": None}, InvalidIdentityToken, "lacks 'iat'"),
        ({"aud": None}, InvalidIdentityToken, "lacks 'aud'"),
        ({"sub": None}, InvalidIdentityToken, "lacks 'sub'"),
        ({"sub": ""}, InvalidIdentityToken, "subject"),
        ({"exp": 1}, ExpiredIdentityToken, "has expired"),
        ({"exp": "soon"}, InvalidIdentityToken, "not a time"),
        ({"nbf": 4_000_000_000}, InvalidIdentityToken, "not valid yet"),
        ({"iat": 4_000_000_000}, InvalidIdentityToken, "not valid yet"),
        ({"sub": "repo:stranger/x"}, AccessDenied, "Not authorized"),
    ],
)
def test_a_token_that_is_not_what_it_must_be_is_refused(
    federation: Federation, claims: dict[str, Any], error: type[OperationError], why: str
) -> None:
    with pytest.raises(error, match=why):
        federation.assume(federation.token(**claims))


def test_a_token_changed_or_signed_by_another_is_refused(federation: Federation) -> None:
    head, body, signature = federation.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = encoded({**claims, "sub": "repo:org/other"})
    with pytest.raises(InvalidIdentityToken, match="not genuine"):
        federation.assume(f"{head}.{other}.{signature}")
    stranger = Issuer()
    with pytest.raises(InvalidIdentityToken, match="not genuine"):
        federation.assume(stranger.token(now=federation.home.clock().timestamp()))
    with pytest.raises(InvalidIdentityToken, match="no JSON web token"):
        federation.assume("nonsense")


def test_a_token_ends_with_its_time(federation: Federation) -> None:
    token = federation.token()
    federation.home.clock.advance(600 + 29)
    assert federation.assume(token)
    federation.home.clock.advance(1)
    with pytest.raises(ExpiredIdentityToken):
        federation.assume(token)


def test_conditions_see_every_claim(federation: Federation) -> None:
    role = federation.make_role(
        "narrow",
        StringLike={f"{HOST}:sub": "repo:*"},
        StringEquals={f"{HOST}:environment": "prod", f"{HOST}:aud": AUDIENCE},
        Bool={f"{HOST}:protected": "true"},
    )
    good: dict[str, Any] = {"environment": "prod", "protected": True}
    assert federation.assume(federation.token(**good), role)
    for name, value in (("environment", "dev"), ("protected", False)):
        with pytest.raises(AccessDenied):
            federation.assume(federation.token(**{**good, name: value}), role)


def test_a_trust_policy_for_everybody_of_a_provider_is_refused(federation: Federation) -> None:
    with pytest.raises(MalformedPolicyDocument, match="condition of the subject"):
        federation.make_role("wide", StringEquals={f"{HOST}:aud": AUDIENCE})


def test_a_provider_vouches_in_its_own_account_only(federation: Federation) -> None:
    role = federation.make_role("elsewhere", STAGING, StringLike={f"{HOST}:sub": "repo:*"})
    with pytest.raises(InvalidIdentityToken, match="No OpenIDConnect provider"):
        federation.assume(federation.token(), role)
    federation.register(STAGING, AUDIENCE)
    with pytest.raises(AccessDenied):  # the role trusts the other account's provider
        federation.assume(federation.token(), role)


def test_keys_are_fetched_once_and_again_when_they_rotate(federation: Federation) -> None:
    for _ in range(3):
        federation.assume(federation.token())
    assert len(federation.issuer.asked) == 2  # the configuration and the keys
    federation.issuer.keys = {}
    federation.issuer.add("second", rsa.generate_private_key(65537, 2048))
    token = federation.token(key_id="second")
    with pytest.raises(InvalidIdentityToken, match="no key 'second'"):
        federation.assume(token)
    assert len(federation.issuer.asked) == 2
    federation.home.clock.advance(REFETCH_SECONDS)
    assert federation.assume(token)


def test_a_provider_that_is_down_is_said_and_asked_again_later(federation: Federation) -> None:
    federation.issuer.down = True
    for _ in range(2):
        with pytest.raises(IdentityProviderUnreachable, match="nobody answers"):
            federation.assume(federation.token())
    federation.issuer.down = False
    federation.home.clock.advance(REFETCH_SECONDS)
    assert federation.assume(federation.token())


def test_weak_keys_are_no_keys(federation: Federation) -> None:
    federation.issuer.keys = {"first": rsa.generate_private_key(65537, 1024)}
    token = forged(federation, {"alg": "RS256"}, b"whatever")
    with pytest.raises(InvalidIdentityToken, match="2048 bits"):
        federation.assume(token)


def test_providers_are_described_listed_changed_and_deleted(federation: Federation) -> None:
    named = {"OpenIDConnectProviderArn": federation.provider}
    assert federation.call("ListOpenIDConnectProviders")["OpenIDConnectProviderList"] == [
        {"Arn": federation.provider}
    ]
    federation.call("AddClientIDToOpenIDConnectProvider", **named, ClientID="second")
    found = federation.call("GetOpenIDConnectProvider", **named)
    assert (found["Url"], found["ClientIDList"]) == (HOST, [AUDIENCE, "second"])
    assert federation.assume(federation.token(aud="second"))["Audience"] == "second"
    federation.call("RemoveClientIDFromOpenIDConnectProvider", **named, ClientID="second")
    with pytest.raises(InvalidIdentityToken, match="audience"):
        federation.assume(federation.token(aud="second"))
    with pytest.raises(EntityAlreadyExists):
        federation.register(DEV, AUDIENCE)
    with pytest.raises(NoSuchEntity):
        other = f"{federation.provider}/other"
        federation.call("GetOpenIDConnectProvider", OpenIDConnectProviderArn=other)
    with pytest.raises(AccessDenied):
        federation.call("GetOpenIDConnectProvider", STAGING, **named)
    federation.call("DeleteOpenIDConnectProvider", **named)
    with pytest.raises(InvalidIdentityToken, match="No OpenIDConnect provider"):
        federation.assume(federation.token())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://issuer.example", "only https"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://issuer.example/?a=b", "query"),
    ],
)
def test_a_provider_that_could_never_be_asked_is_refused(
    federation: Federation, url: str, why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        federation.call("CreateOpenIDConnectProvider", Url=url, ClientIDList=["a"])
