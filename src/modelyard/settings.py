"""Settings: one frozen value, read once at the start.

The command line beats the environment (`MODELYARD_<NAME>`), which beats a file (`modelyard.toml`
in the home, or the one that `--config` or `MODELYARD_CONFIG` names), which beats the default. What
is misspelt or breaks its rule is never passed over: all such problems are reported at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from modelyard import setting_rules as rules
from modelyard.account_settings import AccountSettings, effective_accounts, stage_accounts
from modelyard.account_settings import accounts as account_rules
from modelyard.destinations import Topic, Webhook, topics, webhooks
from modelyard.launch_settings import LaunchSettings, launch_problems
from modelyard.setting_sources import PREFIX, Definition, Reading, listed, placed, setting

DEFAULT_HOME = "~/.modelyard"
FILE_NAME = "modelyard.toml"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"

#: `modelyard env` exports these for clients; a server that starts in such a shell ignores them.
CLIENT_VARIABLES = frozenset({f"{PREFIX}URL", f"{PREFIX}TOKEN"})


class SettingsError(Exception):
    """The settings cannot be used; `problems` names each with its source, rule and remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


_PORT = rules.whole_number(0, 65_535)


@dataclass(frozen=True, kw_only=True)
class Settings(LaunchSettings):
    """All that can be set. `load` reads and checks it; a test may make one by hand."""

    home: Path = field(
        metadata={
            "definition": Definition(
                meaning="folder of all state", rule=rules.folder, shown=DEFAULT_HOME
            )
        }
    )
    host: str = setting("127.0.0.1", "address to bind", rules.host)
    allow_remote: bool = setting(False, "allow a host that other machines can reach", rules.flag)
    allowed_hosts: tuple[str, ...] = setting(
        (), "names that clients may call the server by, beside host and loopback", rules.host_names
    )
    outbound_allowed_hosts: tuple[str, ...] = setting(
        (),
        "private hosts that the server may call: identity providers, webhooks",
        rules.host_names,
    )
    notifications: tuple[Topic, ...] = setting(
        (),
        "topics of notifications, each with the URLs of those whom it reaches",
        topics,
        secret=True,
    )
    webhooks: tuple[Webhook, ...] = setting(
        (),
        "webhooks that rules may send events to, each with its url and its secret",
        webhooks,
        secret=True,
    )
    port: int = setting(8080, "port of everything; 0 picks a free one", _PORT)
    gateway_port: int = setting(8081, "port of the inference gateway; 0 picks a free one", _PORT)
    gateway_workers: int = setting(
        0, "processes of the inference gateway; 0 is one per core", rules.whole_number(0, 256)
    )
    tls: bool = setting(False, "serve HTTPS, and nothing else, on both ports", rules.flag)
    tls_certificate: str | None = setting(
        None,
        "file of the server's certificate and of those that vouch for it, PEM",
        rules.file,
        shown="one of the home's own authority",
    )
    tls_key: str | None = setting(
        None, "file of that certificate's private key, PEM, only its owner's to read", rules.file
    )
    region: str = setting(
        "us-east-1",
        "region of callers that name none",
        rules.matching(
            r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", "a region such as us-east-1, at most 32 letters"
        ),
    )
    account: str = setting(
        "123456789012", "the account's id", rules.matching(r"[0-9]{12}", "exactly 12 digits")
    )
    accounts: tuple[AccountSettings, ...] = setting(
        (),
        "the accounts beside this one: [accounts.dev] id = …, stage, provider, profile, region",
        account_rules,
        shown="dev, staging, prod",
    )
    database_url: str = setting(
        "",
        "where the metadata is kept",
        rules.database_url,
        secret=True,
        shown="sqlite, modelyard.db in the home",
    )
    root_access_key_id: str | None = setting(
        None,
        "access key of the root user",
        rules.matching(r"[A-Za-z0-9_]{8,128}", "8 to 128 letters, digits and underscores"),
        secret=True,
        shown="made at the first start",
    )
    root_secret_access_key: str | None = setting(
        None,
        "secret of that access key",
        rules.matching(r"[!-~]{16,128}", "16 to 128 printable characters without spaces"),
        secret=True,
        shown="made at the first start",
    )
    root_token: str | None = setting(
        None,
        "bearer token of the root user",
        rules.matching(
            r"[A-Za-z0-9._~+/-]{16,512}=*", "16 or more letters, digits and . _ ~ + / -"
        ),
        secret=True,
        shown="made at the first start",
    )
    memory_folder: str = setting(
        "/dev/shm",  # noqa: S108 - a folder of ours is made in it, for its owner only
        "folder in memory (tmpfs) for jobs and models that are under a key",
        rules.file,
    )
    master_key_file: str = setting(
        "",
        "file of the master key, which seals all encryption keys",
        rules.file,
        shown="keys/master in the home, made at the first start",
    )
    capture_flush_seconds: float = setting(
        10.0, "how long captured requests may wait in memory", rules.seconds(0.1, 60)
    )
    audit_keep_days: int = setting(
        0, "days that audit records are kept; 0 is for ever", rules.whole_number(0, 36_500)
    )
    experiments: bool = setting(
        True, "log every training job to MLflow, where that is installed", rules.flag
    )
    instance_prices: tuple[tuple[str, float], ...] = setting(
        (),
        'US dollars an hour of instance types, [instance_prices] "ml.m5.large" = 0.1',
        rules.prices,
        shown="AWS's",
    )
    runtime: str = setting(
        "auto",
        "how jobs are kept apart: auto, bubblewrap, unshare, plain",
        rules.one_of("auto", "bubblewrap", "unshare", "plain"),
    )
    image_registries: tuple[str, ...] = setting(
        (), "registries that images may be pulled from: docker.io, ghcr.io", rules.registries
    )
    image_engine: str = setting(
        "auto",
        "what builds and pulls container images: auto, buildah, podman, docker (which only pulls)",
        rules.one_of("auto", "buildah", "podman", "docker"),
    )
    image_registry_login_file: str = setting(
        "", "file of logins at registries, as podman login and docker login write it", rules.file
    )
    image_registry_authority_file: str = setting(
        "", "file of certificates that vouch for registries, PEM", rules.file, shown="the machine's"
    )
    image_advisories: str = setting(
        "", "folder of advisories in OSV's JSON, which images are compared with", rules.file
    )
    image_build_network: bool = setting(
        False, "give RUN steps of Dockerfiles this machine's network", rules.flag
    )
    log_level: str = setting(
        "info",
        "least important message that is logged: debug, info, warning, error",
        rules.one_of("debug", "info", "warning", "error"),
    )
    log_format: str = setting(
        "auto",
        "console, json, or auto: console on a terminal",
        rules.one_of("auto", "console", "json"),
    )

    def __post_init__(self) -> None:
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.home / 'modelyard.db'}")
        if not self.assets_bucket:
            named = self.existing_assets_bucket or f"modelyard-assets-{self.account}"
            object.__setattr__(self, "assets_bucket", named)

    def all_accounts(self) -> Mapping[str, AccountSettings]:
        """Return every account by name: the orchestrator's own, the defaults, the declared.

        Raises:
            SeveralProblems: two have one id; `load` has seen to it that none do.
        """
        return effective_accounts(self.accounts, self.account)

    def stage_accounts(self) -> Mapping[str, AccountSettings]:
        """Return the account of each stage, in the stages' order; none in single-account mode.

        Raises:
            SeveralProblems: there is no such account, or two stages have one; `load` has seen to
                it that this is not so.
        """
        if not self.multi_account:
            return {}
        ids = (self.dev_account_id, self.staging_account_id, self.prod_account_id)
        named = dict(zip(("dev", "staging", "prod"), ids, strict=True))
        return stage_accounts(named, self.all_accounts())

    def assets_bucket_of(self, account: str) -> str:
        """Return the bucket that pipelines of an account keep their assets in."""
        return self.assets_bucket if account == self.account else f"modelyard-assets-{account}"

    def topics(self) -> tuple[Topic, ...]:
        """Return the topics of notifications, that of pipelines' outcomes included."""
        return (*self.notifications, *self.outcome_topics())

    def warnings(self) -> list[str]:
        """Return what is allowed but should be said loudly at the start."""
        if self.tls or rules.is_loopback(self.host):
            return []
        return [
            f"the server binds {self.host}, which other machines can reach, and speaks plain "
            "HTTP: keys are signed but data and bearer tokens travel in clear; serve HTTPS with "
            "--tls, or put a proxy with TLS in front of it"
        ]


_DEFINITIONS: dict[str, Definition] = {
    item.name: item.metadata["definition"] for item in fields(Settings)
}


def load(
    options: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings from all their sources.

    Args:
        options: by name, from the command line; None means not given.
        config: the settings file; None means `MODELYARD_CONFIG`, else `modelyard.toml` in the
            home if there is one.
        environment: None means this process's.

    Raises:
        SettingsError: with every problem of every source.
    """
    given = dict(options or {})
    variables = _own(os.environ if environment is None else environment)
    named = config or variables.pop(CONFIG_VARIABLE, None)
    reading = Reading(_DEFINITIONS)
    if named:
        reading.read_file(Path(named).expanduser(), required=True)
    else:
        _read_file_of_home(reading, given, variables)
    reading.read_environment(variables)
    reading.read_options(given)
    reading.values.setdefault("home", rules.folder(DEFAULT_HOME))
    found = Settings(**reading.values)
    problems = reading.problems + _contradictions(found) + launch_problems(found)
    if not reading.problems:
        try:
            found.all_accounts()
        except rules.SeveralProblems as error:
            problems += placed(error, "accounts", reading.origins.get("accounts", ""))
        else:
            problems += _stage_problems(found)
    if problems:
        raise SettingsError(problems)
    return found


def home_of(given: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Path:
    """Return the home that `load` would find, whatever is wrong with the other settings.

    Raises:
        SettingsError: what was written is not a path.
    """
    variables = _own(os.environ if environment is None else environment)
    named = variables.get(CONFIG_VARIABLE)
    reading = Reading(_DEFINITIONS)
    if named:
        reading.read_file(Path(named).expanduser(), required=True)
        reading.problems.clear()  # `load` reports them
    reading.read_environment({k: v for k, v in variables.items() if k == f"{PREFIX}HOME"})
    reading.read_options({"home": given})
    if reading.problems:
        raise SettingsError(reading.problems)
    home = reading.values.get("home")
    return home if isinstance(home, Path) else rules.folder(DEFAULT_HOME)


def table() -> str:
    """Return a text that lists every setting: its name, its default and what it is."""
    defaults = {item.name: item.default for item in fields(Settings)}
    return listed(
        defaults,
        _DEFINITIONS,
        [
            f"Set one as {PREFIX}<NAME> in the environment, or as a line `name = value` in",
            f"{FILE_NAME} in the home (another file: --config or {CONFIG_VARIABLE}).",
        ],
    )


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name not in CLIENT_VARIABLES
    }


def _read_file_of_home(
    reading: Reading, given: Mapping[str, object], variables: Mapping[str, str]
) -> None:
    try:
        home = rules.folder(given.get("home") or variables.get(f"{PREFIX}HOME", DEFAULT_HOME))
    except ValueError:
        return  # reported where the home itself is read
    path = home / FILE_NAME
    reading.read_file(path, required=False)
    if reading.values.pop("home", None) is not None:
        reading.problems.append(
            f"home in {path}: a file in the home cannot say where the home is; "
            f"set {PREFIX}HOME, or name a file elsewhere with --config"
        )


def _stage_problems(settings: Settings) -> list[str]:
    try:
        settings.stage_accounts()
    except rules.SeveralProblems as error:
        return [f"{stage}_account_id: {why}" for stage, why in error.problems.items()]
    return []


def _contradictions(settings: Settings) -> list[str]:
    found = []
    if not settings.allow_remote and not rules.is_loopback(settings.host):
        found.append(
            f"host is {settings.host}, which other machines can reach: "
            "if that is what you want, set allow_remote = true as well"
        )
    if settings.port == settings.gateway_port != 0:
        found.append(f"port and gateway_port are both {settings.port}: give each its own")
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        found.append("tls_certificate and tls_key go together: give both, or neither")
    if settings.tls_certificate is not None and not settings.tls:
        found.append(
            "tls_certificate is given, but tls is off: set tls = true (or --tls), or take it out"
        )
    if (settings.root_access_key_id is None) != (settings.root_secret_access_key is None):
        found.append(
            "root_access_key_id and root_secret_access_key go together: give both, or neither"
        )
    return found
