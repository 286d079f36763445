"""The page to sign in on, and what its form means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import htpy as h

from modelyard.console.frame import gate
from modelyard.console.pieces.links import url
from modelyard.console.pieces.panels import note
from modelyard.console.sessions import basic
from modelyard.identity.session_bearer import session_bearer

#: A URL of the console's own, to go on to: no other site's, however it is spelt.
_OWN = re.compile(r"/console(?:[/?][!-\[\]-~]*)?")
KEPT = "kept"


def own_url(wanted: str) -> str:
    """Return where to go on once signed in: what was wanted, if it is the console's own."""
    return wanted if _OWN.fullmatch(wanted) and len(wanted) < 4096 else url()


def authorization_of(typed: Mapping[str, str]) -> str:
    """Return the Authorization header that a client with these credentials would send.

    Raises:
        ValueError: nothing was typed that could be credentials.
    """
    token = typed.get("token", "").strip()
    if token:
        return f"Bearer {token.removeprefix('Bearer ').strip()}"
    key_id = typed.get("access_key_id", "").strip()
    secret = typed.get("secret_access_key", "").strip()
    session = typed.get("session_token", "").strip()
    if not key_id or not secret:
        raise ValueError("give an access key id and its secret, or a token")
    return f"Bearer {session_bearer(secret, session)}" if session else basic(key_id, secret)


def kept_form(typed: Mapping[str, str]) -> str:
    """Return a form that came without a session, so that nothing of it is lost; never empty."""
    return urlencode({name: value for name, value in typed.items() if name != "csrf"}) or "&"


def form_kept(text: str) -> dict[str, str]:
    """Return the form that `kept_form` kept."""
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200))


def sign_in_page(goal: str, *, problem: str = "", kept: str = "") -> str:
    """Return the page.

    Args:
        goal: where to go on.
        kept: a form that waits for its sender.
    """
    return gate(
        h.section(".panel")[
            h.h1["Sign in"],
            kept
            and note("Your session ended. Sign in again: what you typed is kept.", tone="warn"),
            problem and note(problem, tone="bad"),
            h.form(".stack", method="post", action=url("sign-in"), autocomplete="on")[
                h.input(type="hidden", name="next", value=goal),
                kept and h.input(type="hidden", name=KEPT, value=kept),
                _field("access_key_id", "Access key id", autocomplete="username"),
                _field(
                    "secret_access_key",
                    "Secret access key",
                    kind="password",
                    autocomplete="current-password",
                ),
                h.details[
                    h.summary["Session token of temporary credentials"],
                    _field("session_token", "Session token", kind="password"),
                ],
                h.details[
                    h.summary["A token instead"],
                    _field("token", "Token", kind="password"),
                    h.small(".muted")["What modelyard env prints as MODELYARD_TOKEN."],
                ],
                h.button(".primary", type="submit")["Sign in"],
            ],
            h.p(".muted")[
                "The keys are those that ",
                h.code["modelyard env"],
                " prints, or those that ",
                "whoever runs the platform gave you.",
            ],
        ],
        title="Sign in",
    )


def _field(name: str, label: str, *, kind: str = "text", autocomplete: str = "off") -> h.Node:
    return h.label(".field")[
        h.span[label],
        h.input(
            type=kind, name=name, autocomplete=autocomplete, spellcheck="false", maxlength="8192"
        ),
    ]
