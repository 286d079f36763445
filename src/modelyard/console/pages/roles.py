"""Settings: who you are to the platform, and acting as a role, which may be of another account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import htpy as h

from modelyard.console.desk import Desk
from modelyard.console.pieces.forms import field, form
from modelyard.console.pieces.links import copyable, url
from modelyard.console.pieces.panels import code, facts, panel
from modelyard.console.routes import action, page
from modelyard.console.sessions import SignedIn
from modelyard.console.visits import Done, Page, Visit
from modelyard.console.words import PERSONAS
from modelyard.identity.session_bearer import session_bearer
from modelyard.operations.errors import ValidationError

_NAME = re.compile(r"[^\w+=,.@-]")


@dataclass(frozen=True, kw_only=True)
class RoleChange(Done):
    """The visitor is to act as a role; empty: as themselves again."""

    role: str = ""


def taken_role(desk: Desk, change: RoleChange, session: SignedIn) -> tuple[str, str]:
    """Return the credentials that the visitor has from now on, and those to come back to.

    Raises:
        OperationError: they may not take that role.
    """
    if not change.role:
        if not session.behind:
            raise ValidationError("you act as yourself already")
        return session.behind, ""
    name = _NAME.sub("-", desk.context.principal.arn.rpartition("/")[2].rpartition(":")[2])[:64]
    answer = desk.call("sts", "AssumeRole", RoleArn=change.role, RoleSessionName=name or "console")
    keys: dict[str, Any] = answer["Credentials"]
    bearer = session_bearer(keys["SecretAccessKey"], keys["SessionToken"])
    return f"Bearer {bearer}", session.behind or session.authorization


def show(visit: Visit) -> Page:
    """Return the page."""
    who = visit.desk.call("modelyard", "WhoAmI")
    account = who["Account"]
    suggested = [
        (f"arn:aws:iam::{account}:role/{persona}", words) for persona, words in PERSONAS.items()
    ]
    may = [
        (arn, words)
        for arn, words in suggested
        if arn != who.get("Role") and visit.desk.may("sts", "AssumeRole", RoleArn=arn)
    ]
    return Page(
        title="Settings",
        intro="Who you are to the platform, and whom you act as.",
        body=[
            panel(
                "You",
                facts(
                    [
                        ("You act as", copyable(who["Arn"])),
                        ("Person", (who.get("Person") != who["Arn"] and who.get("Person")) or None),
                        ("Role", who.get("Role")),
                        ("Account", account),
                        ("Region", visit.desk.context.region),
                    ]
                ),
                who.get("Role")
                and form(
                    visit,
                    url("settings", "leave-role"),
                    h.button(type="submit")["Act as yourself again"],
                    label="Act as yourself again",
                    row=True,
                ),
            ),
            panel(
                "Act as a role",
                h.p(".muted")[
                    "For an hour you have the role's rights instead of your own. Records name you "
                    "all the same."
                ],
                may
                and h.div(".stack")[
                    [
                        form(
                            visit,
                            url("settings", "take-role"),
                            h.input(type="hidden", name="role", value=arn),
                            h.button(type="submit")[arn.rpartition("/")[2]],
                            h.span(".muted")[words],
                            label=f"Act as {arn}",
                            row=True,
                        )
                        for arn, words in may
                    ]
                ],
                h.h3["Another one"],
                form(
                    visit,
                    url("settings", "take-role"),
                    field(
                        visit,
                        "role",
                        "ARN of a role, of any account",
                        hint="arn:aws:iam::<account>:role/<name>",
                        required=True,
                        longest=2048,
                    ),
                    h.div[h.button(".primary", type="submit")["Act as this role"]],
                    label="Act as another role",
                ),
            ),
            panel(
                "From a terminal",
                code('eval "$(modelyard env)"', label="Have AWS clients talk to this server"),
                h.p(".muted")[
                    "boto3, the sagemaker SDK and the aws command line then speak to this server."
                ],
            ),
        ],
    )


def take(visit: Visit) -> Done:
    """Act as a role."""
    role = visit.typed.get("role", "").strip()
    if not role.startswith("arn:"):
        raise ValidationError("give the role's ARN: arn:aws:iam::<account>:role/<name>")
    return RoleChange(url=url("settings"), role=role)


def leave(visit: Visit) -> Done:
    """Act as oneself again."""
    return RoleChange(url=url("settings"))


ROUTES = (
    page("settings", show),
    action("settings/take-role", show, take),
    action("settings/leave-role", show, leave),
)
