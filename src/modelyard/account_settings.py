"""The accounts that the settings declare: `[accounts.<name>]` tables of the settings file."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.setting_rules import SeveralProblems

ORCHESTRATOR = "orchestrator"

#: The accounts that are there without a word, beside the orchestrator's: name (and stage) to id.
DEFAULT_IDS: Mapping[str, str] = {
    "dev": "234567890123",
    "staging": "345678901234",
    "prod": "456789012345",
}

#: Where jobs may run, as `compute.choice` has it.
COMPUTE = ("sandbox", "container", "ray")

#: Field -> its key in the settings file, where that is one of a table in the account's.
_KEYS: Mapping[str, str] = {
    "compute_default": "compute.default",
    "compute_image": "compute.image",
    "compute_ray_address": "compute.ray.address",
    "compute_ray_token_file": "compute.ray.token_file",
    "compute_ray_server_url": "compute.ray.server_url",
}

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ARN_OF_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+")
_RAY_ADDRESS = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
_SERVER_URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """One account, as it was declared."""

    name: str
    id: str  # 12 digits
    stage: str  # what policies and pipelines speak of: dev, staging, prod, or a word of one's own
    provider: str = "local"  # or "aws": an account of AWS, whose operations go there
    profile: str = ""  # of AWS's configuration files; of the provider "aws" only, as what follows
    region: str = ""  # instead of the caller's
    role_arn: str = ""  # that is assumed there; the profile itself acts where it is empty
    compute_default: str = "sandbox"  # where its jobs run: sandbox, container, ray
    compute_image: str = ""  # the image that built-in programs run in, in a container
    compute_ray_address: str = ""  # of its Ray cluster's head: host:port
    compute_ray_token_file: str = ""  # of that cluster; Ray's own, ~/.ray/auth_token, if empty
    compute_ray_server_url: str = ""  # how its nodes reach this server; as clients do, if empty


def default_accounts(orchestrator_id: str) -> dict[str, AccountSettings]:
    """Return the accounts that are there without a word, by name."""
    ids = {ORCHESTRATOR: orchestrator_id, **DEFAULT_IDS}
    return {name: AccountSettings(name=name, id=id_, stage=name) for name, id_ in ids.items()}


def accounts(value: object) -> tuple[AccountSettings, ...]:
    """Return the declared accounts; a setting's rule.

    Raises:
        ValueError: it is no table.
        SeveralProblems: with everything that is wrong in it, each by its key.
    """
    if not isinstance(value, Mapping):  # a rule's word for it is ValueError
        raise ValueError(  # noqa: TRY004
            "is written as tables of the settings file, [accounts.<name>]"
        )
    problems: dict[str, str] = {}
    found = {str(name): _account(str(name), given, problems) for name, given in value.items()}
    by_id: dict[str, str] = {}
    for name, account in found.items():
        if account is None:
            continue
        other = by_id.setdefault(account.id, name)
        if other != name:
            problems[f"{name}.id"] = f"{account.id} is the id of the account {other} too"
    if problems:
        raise SeveralProblems(problems)
    return tuple(account for account in found.values() if account is not None)


def effective_accounts(
    declared: Iterable[AccountSettings], orchestrator_id: str
) -> dict[str, AccountSettings]:
    """Return all accounts by name: the defaults, replaced by what is declared.

    Raises:
        SeveralProblems: two have one id, or the orchestrator is declared to have another.
    """
    written = {account.name: account for account in declared}
    every = {**default_accounts(orchestrator_id), **written}
    problems: dict[str, str] = {}
    own = every[ORCHESTRATOR]
    if own.id != orchestrator_id:
        problems[f"{ORCHESTRATOR}.id"] = (
            f"{own.id} is not the setting account, {orchestrator_id}: that is the orchestrator's id"
        )
    if own.provider != "local":
        problems[f"{ORCHESTRATOR}.provider"] = "the orchestrator's account is this server: local"
    names: dict[str, list[str]] = {}
    for account in every.values():
        names.setdefault(account.id, []).append(account.name)
    for id_, sharing in names.items():
        if len(sharing) > 1:
            # Said of one that was written, if one was: a default cannot be changed where it is.
            said = next((name for name in sharing if name in written), sharing[-1])
            others = " and ".join(name for name in sharing if name != said)
            problems[f"{said}.id"] = f"{id_} is the id of the account {others} too"
    if problems:
        raise SeveralProblems(problems)
    return every


def stage_accounts(
    named: Mapping[str, str], accounts: Mapping[str, AccountSettings]
) -> dict[str, AccountSettings]:
    """Return the account of each stage.

    Args:
        named: by stage an id or a name; "" is the account that is called as the stage is.
        accounts: all that there are, by name.

    Raises:
        SeveralProblems: by stage, there is no such account, or another stage has it.
    """
    by_id = {account.id: account for account in accounts.values()}
    found: dict[str, AccountSettings] = {}
    problems: dict[str, str] = {}
    for stage, name in named.items():
        account = accounts.get(name or stage) or by_id.get(name)
        if account is None:
            problems[stage] = f"there is no account {name!r}: use one of {', '.join(accounts)}"
            continue
        other = next((one for one, taken in found.items() if taken.id == account.id), None)
        if other is not None:
            problems[stage] = f"{account.id} is the account of the stage {other} too"
        found[stage] = account
    if problems:
        raise SeveralProblems(problems)
    return found


def _account(name: str, given: object, problems: dict[str, str]) -> AccountSettings | None:
    if NAME.fullmatch(name) is None:
        problems[name] = (
            "a name begins with a small letter, and has at most 32 small letters, digits, hyphens"
        )
    if not isinstance(given, Mapping):
        problems[name] = "is a table with at least an id"
        return None
    known = [_KEYS.get(field, field) for field in AccountSettings.__dataclass_fields__]
    known.remove("name")
    fields = {key: field for field, key in _KEYS.items()}
    values: dict[str, Any] = {}
    for key, value in _flat(given):
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            problems[f"{name}.{key}"] = "is not a setting of an account" + (
                f": did you mean {near[0]}?" if near else f": use {', '.join(known)}"
            )
        elif not isinstance(value, str):
            problems[f"{name}.{key}"] = f"{value!r} is not a text: write it in quotes"
        else:
            values[fields.get(key, key)] = value
    # The defaults' ids go without saying; any other account's does not.
    values.setdefault("id", DEFAULT_IDS.get(name, "") if "id" not in given else "")
    for field, why in _broken(values):
        problems.setdefault(f"{name}.{_KEYS.get(field, field)}", why)
    return AccountSettings(name=name, **{"stage": name, **values})


def _flat(table: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Yield a table's values under their keys, those of tables in it as `compute.default`."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _broken(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the keys that break their rules, and how."""
    found: list[tuple[str, str]] = []

    def hold(key: str, good: bool, rule: str) -> None:
        if not good:
            found.append((key, f"{values.get(key, '')!r} {rule}"))

    hold("id", re.fullmatch(r"[0-9]{12}", values["id"]) is not None, "is not exactly 12 digits")
    stage = values.get("stage")
    hold("stage", stage is None or NAME.fullmatch(stage) is not None, "is no small-letter word")
    provider = values.get("provider", "local")
    hold("provider", provider in ("local", "aws"), "is neither local nor aws")
    compute = values.get("compute_default", "sandbox")
    hold("compute_default", compute in COMPUTE, f"is none of {', '.join(COMPUTE)}")
    address = values.get("compute_ray_address", "")
    good = not address or _RAY_ADDRESS.fullmatch(address) is not None
    hold("compute_ray_address", good, "is no address such as 10.0.0.5:6379")
    needed = compute != "ray" or bool(address)
    hold("compute_ray_address", needed, "is missing: jobs are to run on a Ray cluster")
    server = values.get("compute_ray_server_url", "")
    good = not server or _SERVER_URL.fullmatch(server) is not None
    hold("compute_ray_server_url", good, "is no URL such as https://modelyard.example:8080")
    if provider == "aws":
        hold("profile", bool(values.get("profile")), "is missing: name a profile of ~/.aws/config")
        there = importlib.util.find_spec("boto3") is not None
        hold("provider", there, "needs the extra `aws`: pip install 'modelyard[aws]'")
    else:
        for key in ("profile", "role_arn"):
            hold(key, not values.get(key), "is for the provider aws only")
    region, role = values.get("region", ""), values.get("role_arn", "")
    hold("region", not region or _REGION.fullmatch(region) is not None, "is not a region's name")
    hold("role_arn", not role or _ARN_OF_ROLE.fullmatch(role) is not None, "is no role's ARN")
    return found
