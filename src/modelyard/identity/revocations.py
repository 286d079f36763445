"""Revocations: which sessions are over ahead of their time, as resources of their account."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from modelyard import clock
from modelyard.arns import Arn
from modelyard.identity.roles import MAX_SESSION_SECONDS, role_scope
from modelyard.sealing import Revocation
from modelyard.store.resources import Resource, Transaction

REVOCATION_KIND = "session-revocation"


def revoke(
    transaction: Transaction,
    account: str,
    now: datetime,
    *,
    role_arn: str = "",
    session_name: str = "",
    access_key_id: str = "",
    person: str = "",
) -> Resource:
    """End every session that fits, of those issued up to `now`; and forget revocations of old."""
    for old in transaction.with_status(REVOCATION_KIND, "Active"):
        if old.created_at < now - timedelta(seconds=2 * MAX_SESSION_SECONDS):
            transaction.delete(old)
    name = str(uuid.uuid4())
    arn = Arn(service="iam", region="", account=account, resource=f"{REVOCATION_KIND}/{name}")
    return transaction.create(
        role_scope(account),
        REVOCATION_KIND,
        name,
        arn=str(arn),
        spec={
            "RoleArn": role_arn,
            "SessionName": session_name,
            "AccessKeyId": access_key_id,
            "Person": person,
            "BeforeMicros": clock.to_micros(now),
        },
        status="Active",
    )


def revocation_of(resource: Resource) -> Revocation:
    """Return the revocation that a resource keeps."""
    spec = resource.spec
    return Revocation(
        before_micros=spec["BeforeMicros"],
        role_arn=spec["RoleArn"],
        session_name=spec["SessionName"],
        access_key_id=spec["AccessKeyId"],
        person=spec["Person"],
    )
