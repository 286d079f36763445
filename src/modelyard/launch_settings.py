"""The launch options: what the reference's templates call parameters.

They say how pipelines are provisioned and delivered, not how the server runs.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from modelyard import setting_rules as rules
from modelyard.destinations import Topic
from modelyard.setting_sources import setting

#: The topic of pipelines' outcomes, as the reference names it.
OUTCOMES = "MLOpsNotificationsTopic"

_EMAIL = r"[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+"
_BUCKET = rules.matching(
    r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens",
)
_REPOSITORY = re.compile(r"(?:https?://[^/\s]+/v1/repos/)?([A-Za-z0-9_-][A-Za-z0-9._-]{0,99})")


def _repository(value: object) -> str:
    match = _REPOSITORY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1].endswith(".git"):
        raise ValueError(
            "must be a repository's name, or its address https://<host>/v1/repos/<name>: at most "
            "100 letters, digits and . _ -, without .git"
        )
    return match[1]


def _mail_server(value: object) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("mailto", "mailtos") or not parts.hostname:
        raise ValueError("must be mailtos://user:password@host, or mailto://… without TLS")
    return str(value)


@dataclass(frozen=True, kw_only=True)
class LaunchSettings:
    """The launch options; `settings.Settings` has them with all others."""

    notification_email: str = setting(
        "",
        "address that gets the outcomes of pipelines; needs mail_server",
        rules.matching(_EMAIL, "an e-mail address"),
        shown="none",
    )
    mail_server: str = setting(
        "",
        "where mail is sent from: mailtos://user:password@host",
        _mail_server,
        secret=True,
        shown="none",
    )
    configuration_repository: str = setting(
        "", "Git repository whose mlops-config.json is provisioned", _repository, shown="none"
    )
    configuration_bucket: str = setting(
        "",
        "bucket whose mlops-config.json is provisioned; made where it is missing",
        _BUCKET,
        shown="none",
    )
    existing_assets_bucket: str = setting(
        "",
        "bucket that is there already, to be the assets bucket; checked at the start",
        _BUCKET,
        shown="none",
    )
    existing_image_repository: str = setting(
        "",
        "repository that pipelines build images into, and into no other",
        rules.matching(
            r"(?=.{2,256}$)[a-z0-9]+([._/-][a-z0-9]+)*",
            "a repository's name: 2 to 256 small letters and digits, with . _ - / between them",
        ),
        shown="any, made when it is named",
    )
    multi_account: bool = setting(
        False, "deliver models from the dev account through staging to prod", rules.flag
    )
    dev_account_id: str = setting(
        "", "multi-account: id or name of the dev account", rules.account, shown="dev"
    )
    staging_account_id: str = setting(
        "", "multi-account: id or name of the staging account", rules.account, shown="staging"
    )
    prod_account_id: str = setting(
        "", "multi-account: id or name of the prod account", rules.account, shown="prod"
    )
    use_model_registry: bool = setting(
        False, "deploy only models of the registry, by model_package_name", rules.flag
    )
    create_model_registry: bool = setting(
        False,
        "make a model package group that the stages' accounts may use",
        rules.flag,
    )
    delegated_administrator: bool = setting(
        True,
        "the orchestrator acts in other accounts by roles that trust it; always so",
        rules.flag,
    )
    assets_bucket: str = setting(
        "",
        "bucket that pipelines keep their assets in",
        rules.matching(
            r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens",
        ),
        shown="modelyard-assets-<account>",
    )
    allow_detailed_error_message: bool = setting(
        True, "say in the orchestrator's answers what went wrong", rules.flag
    )

    def outcome_topics(self) -> tuple[Topic, ...]:
        """Return the topic of pipelines' outcomes, where somebody is to get them by mail."""
        if not self.notification_email:
            return ()
        parts = urlsplit(self.mail_server)
        query = "&".join(
            part for part in (parts.query, urlencode({"to": self.notification_email})) if part
        )
        return (Topic(name=OUTCOMES, urls=(urlunsplit(parts._replace(query=query)),)),)


def launch_problems(settings: LaunchSettings) -> list[str]:
    """Return what is wrong with launch options that are right each for itself."""
    found = []
    if settings.notification_email and not settings.mail_server:
        found.append(
            "notification_email needs mail_server, which mail is sent from: set mail_server = "
            '"mailtos://user:password@host"'
        )
    if settings.configuration_repository and shutil.which("git") is None:
        found.append(
            "configuration_repository needs git, and there is none on the PATH: install git"
        )
    if not settings.delegated_administrator:
        found.append(
            "delegated_administrator = false is not offered: there is no organization whose "
            "management account could act in other accounts, roles are assumed there by their "
            "trust policies; leave it out"
        )
    given = (settings.existing_assets_bucket, settings.assets_bucket)
    if given[0] and given[0] != given[1]:
        found.append(
            f"existing_assets_bucket is {given[0]} and assets_bucket {given[1]}: leave one out"
        )
    return found
