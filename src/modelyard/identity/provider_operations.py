"""Identity providers of an account, and sessions for those whom they vouch for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.credentials import Credentials
from modelyard.identity.iam_documents import evaluate
from modelyard.identity.principals import federated_arn
from modelyard.identity.requests import refuse_members
from modelyard.identity.roles import role_scope
from modelyard.identity.session_operations import assumed, find_any_role, new_session
from modelyard.identity.signing_keys import SigningKeys
from modelyard.identity.trust import moments, session_values
from modelyard.identity.users import all_of
from modelyard.identity.web_identity import (
    WebIdentity,
    issuer_of,
    spellings,
    verify,
    without_scheme,
)
from modelyard.operations.context import Context
from modelyard.operations.errors import (
    AccessDenied,
    EntityAlreadyExists,
    InvalidIdentityToken,
    NoSuchEntity,
    ValidationError,
)
from modelyard.operations.requests import tags_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import given, iam
from modelyard.outbound import OutboundError
from modelyard.store.errors import AlreadyExists
from modelyard.store.resources import Resource, Snapshot, Store, Transaction

PROVIDER_KIND = "oidc-provider"
ASSUME_WITH_WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
_ON_PROVIDER = given("OpenIDConnectProviderArn")


def provider_arn(account: str, url: str) -> str:
    """Return `arn:aws:iam::<account>:oidc-provider/<url without its scheme>`."""
    resource = f"{PROVIDER_KIND}/{without_scheme(url)}"
    return str(Arn(service="iam", region="", account=account, resource=resource))


class ProviderOperations:
    """OIDC providers, and AssumeRoleWithWebIdentity.

    Args:
        check_url: raises OutboundError for a URL that could never be called.
    """

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        keys: SigningKeys,
        check_url: Callable[[str], None],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store = store
        self._sealing_key = credentials.sealing_key
        self._keys = keys
        self._check_url = check_url
        self._now = now

    @operation("iam", "CreateOpenIDConnectProvider", on=iam(PROVIDER_KIND))
    def create_provider(self, context: Context, request: Request) -> Response:
        """Register a provider. Its certificate is verified by authorities, not by thumbprints."""
        url = request["Url"].rstrip("/")
        parts = urlsplit(url)
        if parts.query or parts.fragment:
            raise ValidationError(f"Url {url!r} has a query or a fragment: an issuer has none")
        try:
            self._check_url(url)
        except OutboundError as error:
            raise ValidationError(f"Url: {error}") from error
        tags = tags_of(request)
        arn = provider_arn(context.account, url)
        spec = {
            "Url": request["Url"],
            "ClientIDList": list(request.get("ClientIDList", [])),
            "ThumbprintList": list(request.get("ThumbprintList", [])),
        }
        try:
            with self._store.write() as transaction:
                transaction.create(
                    role_scope(context.account),
                    PROVIDER_KIND,
                    without_scheme(url),
                    arn=arn,
                    spec=spec,
                    status="Active",
                    tags=tags,
                )
        except AlreadyExists as error:
            raise EntityAlreadyExists(f"Provider with url {url} already exists.") from error
        return {"OpenIDConnectProviderArn": arn, "Tags": request.get("Tags", [])}

    @operation("iam", "GetOpenIDConnectProvider", on=_ON_PROVIDER)
    def get_provider(self, context: Context, request: Request) -> Response:
        """Answer a provider of the account."""
        with self._store.read() as snapshot:
            provider = _provider(snapshot, context, request)
            tags = snapshot.tags(provider)
        return {
            **provider.spec,
            "Url": without_scheme(provider.spec["Url"]),
            "CreateDate": provider.created_at,
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }

    @operation("iam", "ListOpenIDConnectProviders", on=iam(PROVIDER_KIND))
    def list_providers(self, context: Context, request: Request) -> Response:
        """Answer the ARNs of the account's providers."""
        with self._store.read() as snapshot:
            found = all_of(snapshot, context.account, PROVIDER_KIND)
        return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in found]}

    @operation("iam", "AddClientIDToOpenIDConnectProvider", on=_ON_PROVIDER)
    def add_client(self, context: Context, request: Request) -> Response:
        """Accept tokens for one more audience."""
        with self._store.write() as transaction:
            provider = _provider(transaction, context, request)
            clients = [*provider.spec["ClientIDList"]]
            if request["ClientID"] not in clients:
                _set_clients(transaction, provider, [*clients, request["ClientID"]])
        return {}

    @operation("iam", "RemoveClientIDFromOpenIDConnectProvider", on=_ON_PROVIDER)
    def remove_client(self, context: Context, request: Request) -> Response:
        """Accept tokens for an audience no more."""
        with self._store.write() as transaction:
            provider = _provider(transaction, context, request)
            clients = [one for one in provider.spec["ClientIDList"] if one != request["ClientID"]]
            _set_clients(transaction, provider, clients)
        return {}

    @operation("iam", "DeleteOpenIDConnectProvider", on=_ON_PROVIDER)
    def delete_provider(self, context: Context, request: Request) -> Response:
        """Delete a provider; sessions that it vouched for go on until they end."""
        with self._store.write() as transaction:
            transaction.delete(_provider(transaction, context, request))
        return {}

    @operation("sts", "AssumeRoleWithWebIdentity", on=given("RoleArn"))
    def assume_role_with_web_identity(self, context: Context, request: Request) -> Response:
        """Answer a role's session for whom a provider of the role's account vouches.

        Nobody signs this call: the token is what the caller proves itself with.
        """
        refuse_members(
            request, {"RoleArn", "RoleSessionName", "WebIdentityToken", "DurationSeconds"}
        )
        token, now = request["WebIdentityToken"], self._now()
        issuer = issuer_of(token)
        with self._store.read() as snapshot:
            role = find_any_role(snapshot, request["RoleArn"])
            provider = None if role is None else _provider_of(snapshot, role, issuer)
        if role is None:
            raise _not_authorized()
        if provider is None:
            raise InvalidIdentityToken(
                f"No OpenIDConnect provider found in the role's account for {issuer[:255]}"
            )
        # The keys may have to be fetched: the database waits for nobody.
        identity = verify(
            token,
            self._keys,
            issuer=provider.spec["Url"].rstrip("/"),
            audiences=provider.spec["ClientIDList"],
            now=now,
        )
        if not _is_trusted(role, provider, identity, context, request, now):
            raise _not_authorized()
        account = role.scope.account
        session = new_session(
            role,
            request,
            now,
            person=federated_arn(account, identity.issuer, identity.subject),
            chain=(role.arn,),
        )
        return {
            **assumed(session, self._sealing_key),
            "SubjectFromWebIdentityToken": identity.subject,
            "Provider": provider.arn,
            "Audience": identity.audience,
        }


def _is_trusted(
    role: Resource,
    provider: Resource,
    identity: WebIdentity,
    context: Context,
    request: Request,
    now: datetime,
) -> bool:
    known: dict[str, Any] = {
        **identity.condition_values(),
        **session_values(request),
        **moments(now),
        "aws:FederatedProvider": provider.arn,
        "aws:SourceIp": context.source,
    }
    found = evaluate(
        role.spec["AssumeRolePolicyDocument"],
        principal_arn=provider.arn,
        principal_account="",
        action=ASSUME_WITH_WEB_IDENTITY,
        resource=role.arn,
        condition_values=known,
    )
    return found == "Allow"


def _not_authorized() -> AccessDenied:
    return AccessDenied(f"Not authorized to perform {ASSUME_WITH_WEB_IDENTITY}")


def _provider(snapshot: Snapshot, context: Context, request: Request) -> Resource:
    arn = request["OpenIDConnectProviderArn"]
    prefix = f"arn:aws:iam::{context.account}:{PROVIDER_KIND}/"
    scope = role_scope(context.account)
    found = snapshot.find(scope, PROVIDER_KIND, arn.removeprefix(prefix))
    if found is None or found.arn != arn:
        raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn}")
    return found


def _provider_of(snapshot: Snapshot, role: Resource, issuer: str) -> Resource | None:
    """Return the provider of a role's account whose URL is `issuer`, or None."""
    found = snapshot.find(role.scope, PROVIDER_KIND, without_scheme(issuer))
    if found is None or issuer not in spellings(found.spec["Url"]):
        return None
    return found


def _set_clients(transaction: Transaction, provider: Resource, clients: list[str]) -> None:
    changed = transaction.update(provider, spec={**provider.spec, "ClientIDList": clients})
    transaction.announce(changed)
