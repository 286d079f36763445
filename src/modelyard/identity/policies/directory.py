"""Who somebody is: the personas and tags behind a principal, and the stage of an account.

A persona is what a person or a program is to the platform, such as `data-scientist`. A role says it
in its spec (`Persona`), a user too (`Personas`); a session has its role's. The shipped policies are
about personas, so that one role of each account, named after a persona, needs no policy of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.arns import Arn
from modelyard.identity.personas import JOB
from modelyard.identity.roles import DEFAULT_ROLE, ROLE_KIND, role_scope
from modelyard.operations.context import Principal
from modelyard.store.errors import NotFound
from modelyard.store.listing import Listing
from modelyard.store.remembered import Remembered
from modelyard.store.resources import Resource, Store

USER_KIND, ACCOUNT_KIND = "user", "account"
_DEFAULT_STAGES = {"234567890123": "dev", "345678901234": "staging", "456789012345": "prod"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is known of a user or a role."""

    personas: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)
    exists: bool = False


class Directory(Protocol):
    """Knows principals and accounts."""

    def personas(self, principal: Principal) -> frozenset[str]:
        """Return what a principal is to the platform; nothing if it is not known."""

    def tags(self, principal: Principal) -> Mapping[str, str]:
        """Return the tags of a user, or of a session's role."""

    def of_role(self, role_arn: str) -> Entry:
        """Return what is known of a role, or of a user."""

    def stage(self, account: str) -> str:
        """Return `orchestrator`, `dev`, `staging`, `prod`, or what else it was declared as."""


class StoreDirectory:
    """Looks into the store, and again after a second: other servers may have changed it.

    Args:
        account: the orchestrator's; it keeps the list of accounts.
        now: seconds of a clock that only goes forward.
    """

    def __init__(
        self, store: Store, account: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._account = account
        self._entries = Remembered[Entry](now)
        self._stages = Remembered[dict[str, str]](now)
        store.on_event(self.forget, kinds={ROLE_KIND, USER_KIND, ACCOUNT_KIND})

    def forget(self) -> None:
        """Look everything up anew."""
        self._entries.clear()
        self._stages.clear()

    def personas(self, principal: Principal) -> frozenset[str]:
        return self._of(principal).personas

    def tags(self, principal: Principal) -> Mapping[str, str]:
        return self._of(principal).tags

    def of_role(self, role_arn: str) -> Entry:
        return self._entries.get(role_arn, self._looked_up)

    def stage(self, account: str) -> str:
        return self._stages.get("", self._declared).get(account, "")

    def _of(self, principal: Principal) -> Entry:
        return Entry() if principal.is_root else self.of_role(principal.role or principal.arn)

    def _looked_up(self, arn: str) -> Entry:
        try:
            parts = Arn.parse(arn)
        except ValueError:
            return Entry()
        if parts.service != "iam" or parts.kind not in {ROLE_KIND, USER_KIND}:
            return Entry()
        name = parts.name.rpartition("/")[2]
        with self._store.read() as snapshot:
            found = snapshot.find(role_scope(parts.account), parts.kind, name)
            if found is None or found.arn != arn:
                return Entry()
            return Entry(personas=_personas_of(found), tags=snapshot.tags(found), exists=True)

    def _declared(self, _key: str) -> dict[str, str]:
        with self._store.read() as snapshot:
            page = snapshot.list(role_scope(self._account), ACCOUNT_KIND, Listing(limit=1000))
        declared = {_account_id(account): _stage_of(account) for account in page.items}
        return {**_DEFAULT_STAGES, self._account: "orchestrator", **declared}


class StoreStates:
    """What policies may ask of a resource itself: its status, its approval, its tags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, arn: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the state and the tags of a resource; both empty if there is none."""
        if "*" in arn:  # stands for what is still to be made, or for several
            return {}, {}
        with self._store.read() as snapshot:
            try:
                row = snapshot.get_by_arn(arn)
            except NotFound:
                return {}, {}
            tags = snapshot.tags(row)
        life_cycle = row.observed.get("ModelLifeCycle")
        state = {
            "status": row.status,
            "approval": row.observed.get("ModelApprovalStatus"),
            "lifecycle_stage": life_cycle.get("Stage") if isinstance(life_cycle, Mapping) else None,
        }
        return {name: text for name, text in state.items() if isinstance(text, str)}, tags


def _personas_of(row: Resource) -> frozenset[str]:
    given = row.spec.get("Personas") or []
    found = {str(persona) for persona in given} if isinstance(given, list | tuple) else set()
    if row.spec.get("Persona"):
        found.add(str(row.spec["Persona"]))
    if not found and row.kind == ROLE_KIND and row.name == DEFAULT_ROLE:
        found.add(JOB)  # the role of a first start that knew no personas
    return frozenset(found)


def _account_id(account: Resource) -> str:
    return str(account.spec.get("Id") or account.spec.get("AccountId") or account.name)


def _stage_of(account: Resource) -> str:
    return str(account.spec.get("Stage") or account.spec.get("Name") or account.name)
