"""Accounts, people, roles, sessions, policies; who the gateway knows."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from modelyard.assembly.ground import Ground, make_bucket
from modelyard.assembly.steps import Step
from modelyard.gateway.relay import Relay
from modelyard.gateway.routes import Keys
from modelyard.gateway.supervisor import GatewayPool
from modelyard.identity.account_operations import AccountOperations
from modelyard.identity.gateway_keys import gateway_keys
from modelyard.identity.known_callers import KnownCallers
from modelyard.identity.operations import IdentityOperations
from modelyard.identity.people_operations import PeopleOperations
from modelyard.identity.policies.book import PolicyBook
from modelyard.identity.policy_operations import PolicyOperations
from modelyard.identity.provider_operations import ProviderOperations
from modelyard.identity.role_operations import RoleOperations
from modelyard.identity.session_operations import SessionOperations
from modelyard.identity.signing_keys import SigningKeys
from modelyard.identity.user_operations import UserOperations
from modelyard.outbound import Outbound


def add_identity(ground: Ground) -> KnownCallers:
    store, credentials = ground.store, ground.credentials
    known = KnownCallers(store, credentials, account=ground.settings.account)
    outbound = Outbound(ground.settings.outbound_allowed_hosts)
    for capability in (
        IdentityOperations(store, ground.permissions),
        PolicyOperations(ground.permissions),
        SessionOperations(store, credentials, known.refresh),
        RoleOperations(store, known.refresh),
        UserOperations(store, credentials, known.refresh),
        PeopleOperations(store, credentials, known.refresh),
        ProviderOperations(store, credentials, SigningKeys(outbound), outbound.check),
        AccountOperations(
            store,
            ground.settings.account,
            make_bucket=lambda account: make_bucket(ground.settings, ground.objects, account),
            bucket_of=ground.settings.assets_bucket_of,
        ),
    ):
        ground.table.add(capability)
    return known


async def tell_gateway(
    ground: Ground, known: KnownCallers, gateway: GatewayPool, relay: Relay
) -> None:
    """Have the gateway know the callers that are known here, now and after each change."""
    loop = asyncio.get_running_loop()

    def push() -> None:
        with suppress(RuntimeError):  # the loop was closed this instant
            asyncio.run_coroutine_threadsafe(gateway.set_keys(keys()), loop)

    def keys() -> Keys:
        return gateway_keys(
            known.known,
            sealing_key=ground.credentials.sealing_key,
            default_region=ground.settings.region,
            relay_secret=relay.secret,
        )

    def ask_again(_generation: int) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(gateway.policies_changed)

    known.on_change(push)
    ground.permissions.book.on_change(ask_again)
    await gateway.set_keys(keys())


def watched(book: PolicyBook) -> Step:
    async def start() -> None:
        book.start()

    return Step(start=start, stop=lambda: asyncio.to_thread(book.stop))
