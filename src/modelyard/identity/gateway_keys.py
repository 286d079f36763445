"""The callers that are known here, as the inference gateway is told of them."""

from __future__ import annotations

from modelyard.gateway.routes import Keys
from modelyard.identity.known_callers import Known


def gateway_keys(known: Known, *, sealing_key: str, default_region: str, relay_secret: str) -> Keys:
    """Return what the gateway's workers tell callers by."""
    return Keys(
        secrets={
            name: (
                key.secret,
                key.principal.account,
                key.principal.arn,
                key.principal.user_id,
            )
            for name, key in known.keys.items()
        },
        tokens={
            key.token: (key.principal.account, key.principal.arn, key.principal.user_id)
            for key in known.keys.values()
        },
        sealing_key=sealing_key,
        default_region=default_region,
        revoked=known.revocations,
        relay_secret=relay_secret,
    )
