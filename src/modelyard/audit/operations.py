"""LookupAuditRecords and VerifyAuditTrail: what was done, and whether that is what was written.

The orchestrator's account sees the records of all accounts, and those of callers who proved to be
nobody; any other account sees its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from modelyard import clock
from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied, ValidationError
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import every
from modelyard.store.audit import AuditTrail
from modelyard.store.audit_chain import Head, Record
from modelyard.store.audit_lookup import Lookup, look_up
from modelyard.store.audit_verification import Finding, Progress, verify

KIND = "audit-trail"
PAGE = 50
#: Records that one call verifies: about a second's work.
PIECE = 50_000

_TRAIL = every(KIND, service="modelyard")


class AuditOperations:
    """The trail, to those who may look.

    Args:
        account: the orchestrator's, which sees every account's records.
        settle: has what still waits written down first, so that a look finds what went before it.
        filed: gives the head that the home has on file.
    """

    def __init__(
        self,
        trail: AuditTrail,
        account: str,
        settle: Callable[[], None],
        filed: Callable[[], Head | None],
    ) -> None:
        self._trail = trail
        self._account = account
        self._settle = settle
        self._filed = filed

    @operation("modelyard", "LookupAuditRecords", on=_TRAIL)
    def lookup_audit_records(self, context: Context, request: Request) -> Response:
        """Answer a page of records, newest first; after a number, oldest first."""
        self._settle()
        decision = request.get("Decision")
        lookup = Lookup(
            limit=request.get("MaxResults", PAGE),
            token=request.get("NextToken"),
            from_at=_micros(request.get("StartTime")),
            to_at=_micros(request.get("EndTime")),
            account=self._visible(context, request.get("Account")),
            principal=request.get("Principal"),
            person=request.get("Person"),
            action=request.get("Action"),
            resource_prefix=request.get("ResourcePrefix"),
            allowed=None if decision is None else decision == "Allowed",
            request_id=request.get("RequestId"),
            after=request.get("AfterSequence"),
        )
        with self._trail.database.read() as connection:
            page = look_up(connection, lookup)
        return {"Records": [_described(record) for record in page.items], "NextToken": page.token}

    @operation("modelyard", "VerifyAuditTrail", on=_TRAIL)
    def verify_audit_trail(self, context: Context, request: Request) -> Response:
        """Answer whether the trail is whole, as far as this piece goes."""
        self._settle()
        known = request.get("KnownHead")
        anchors = [self._trail.known, self._filed()]
        if known is not None:
            anchors.append(Head(sequence=known["Sequence"], mac=known["Mac"]))
        with self._trail.database.read() as connection:
            finding = verify(
                connection,
                self._trail.seals,
                tuple(anchor for anchor in anchors if anchor is not None),
                _progress(request.get("NextToken")),
                request.get("MaxRecords", PIECE),
            )
        return _reported(finding)

    def _visible(self, context: Context, wanted: str | None) -> str | None:
        if context.account == self._account:
            return wanted
        if wanted not in (None, context.account):
            raise AccessDenied(
                f"Account {context.account} sees its own audit records, not those of {wanted}: "
                f"ask account {self._account}"
            )
        return context.account


def _described(record: Record) -> dict[str, Any]:
    entry = record.entry
    return {
        "Sequence": record.sequence,
        "Time": clock.from_micros(entry.at),
        "Account": entry.account,
        "Principal": entry.principal,
        "Person": entry.person,
        "SourceAddress": entry.source,
        "Door": entry.door,
        "Action": entry.action,
        "Resource": entry.resource,
        "Allowed": entry.allowed,
        "Policies": list(entry.policies),
        "Outcome": entry.outcome,
        "RequestId": entry.request_id,
        "Calls": entry.calls,
        "Note": entry.note,
    }


def _reported(finding: Finding) -> Response:
    progress, damage = finding.progress, finding.damage
    head = progress.head or Head()
    return {
        "Records": progress.records,
        "FirstTime": _moment(progress.first_at),
        "LastTime": _moment(progress.last_at),
        "Head": {"Sequence": head.sequence, "Mac": head.mac},
        "Intact": damage is None if finding.complete else None,
        "Damage": None
        if damage is None
        else {
            "Sequence": damage.sequence,
            "Fault": damage.fault.value,
            "Explanation": damage.explanation,
        },
        "NextToken": None if finding.complete else _token(progress),
    }


def _token(progress: Progress) -> str:
    return base64.urlsafe_b64encode(json.dumps(asdict(progress)).encode()).decode()


def _progress(token: str | None) -> Progress:
    """Return where to go on. Who makes one up deceives nobody but themselves."""
    if token is None:
        return Progress()
    try:
        found = json.loads(base64.b64decode(token.encode("ascii"), b"-_", validate=True))
        head = Head(sequence=int(found["head"]["sequence"]), mac=str(found["head"]["mac"]))
        return Progress(
            head=head,
            records=int(found["records"]),
            first_at=int(found["first_at"]),
            last_at=int(found["last_at"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValidationError(
            "NextToken is not one that this server gave: verify from the beginning"
        ) from error


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else clock.to_micros(moment)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else clock.from_micros(micros)
