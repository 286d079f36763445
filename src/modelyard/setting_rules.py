"""The rules that a setting's value is held to, each one function from what was written to a value.

A rule takes text (from the environment or the command line) or a TOML value (from a file), and
raises `ValueError` with the rule as a sentence's end: "is a whole number from 0 to 65535".
"""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path

Rule = Callable[[object], object]


class SeveralProblems(ValueError):
    """A table that is wrong in several places; `problems` says of each key what is."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {why}" for key, why in problems.items()))
        self.problems = problems


_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


def account(value: object) -> str:
    """Return an account's id or name."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{12}|[a-z][a-z0-9-]{0,31}", value):
        return value
    raise ValueError("is an account's 12 digits, or its name")


def flag(value: object) -> bool:
    """Return a truth value."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE:
        return True
    if isinstance(value, str) and value.lower() in _FALSE:
        return False
    raise ValueError("is true or false")


def whole_number(low: int, high: int) -> Rule:
    """Return the rule of a whole number from `low` to `high`."""

    def rule(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"is a whole number from {low} to {high}")
        return value

    return rule


def seconds(low: float, high: float) -> Rule:
    """Return the rule of a length of time from `low` to `high` seconds."""

    def rule(value: object) -> float:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            value = float("nan")
        if not low <= value <= high:  # also false for NaN
            raise ValueError(f"is a number of seconds from {low:g} to {high:g}")
        return float(value)

    return rule


def one_of(*choices: str) -> Rule:
    """Return the rule of a word out of `choices`."""

    def rule(value: object) -> str:
        if isinstance(value, str) and value.lower() in choices:
            return value.lower()
        raise ValueError(f"is one of {', '.join(choices)}")

    return rule


def matching(pattern: str, meaning: str) -> Rule:
    """Return the rule of a text that matches `pattern` as a whole; `meaning` says it in words."""

    def rule(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise ValueError(f"is {meaning}")

    return rule


def folder(value: object) -> Path:
    """Return an absolute path; `~` is the user's own folder."""
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        return Path(value).expanduser().absolute()
    raise ValueError("is the path of a folder")


def file(value: object) -> str:
    """Return the absolute path of a file; `~` is the user's own folder."""
    if isinstance(value, str) and value and "\0" not in value:
        return str(Path(value).expanduser().absolute())
    raise ValueError("is the path of a file")


def host(value: object) -> str:
    """Return an address or a host name to bind."""
    if isinstance(value, str) and (
        is_address(value) or re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value)
    ):
        return value
    raise ValueError("is an IP address or a host name, without a port")


def host_names(value: object) -> tuple[str, ...]:
    """Return host names out of a list, or out of text with commas; `*.` takes in all below."""
    rule = "is a list of host names such as models.example.org or *.example.org, without ports"
    items = value.split(",") if isinstance(value, str) else value
    texts = list(items) if isinstance(items, list | tuple) else [items]
    names = [text.strip().lower() if isinstance(text, str) else "" for text in texts]
    for name in names:
        try:
            host(name.removeprefix("*."))
        except ValueError as error:
            raise ValueError(rule) from error
    return tuple(names)


def registries(value: object) -> tuple[str, ...]:
    """Return registries of container images out of a list, or out of text with commas."""
    rule = "is a list of registries such as docker.io or registry.example.org:5000"
    items = value.split(",") if isinstance(value, str) else value
    texts = list(items) if isinstance(items, list | tuple) else [items]
    names = [text.strip().lower() if isinstance(text, str) else "" for text in texts]
    for name in names:
        place, colon, port = name.partition(":")
        try:
            host(place)
        except ValueError as error:
            raise ValueError(rule) from error
        if colon and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise ValueError(rule)
    return tuple(names)


def database_url(value: object) -> str:
    """Return the URL of a database file, or of a PostgreSQL database."""
    rule = "is sqlite:////absolute/file.db or postgresql+psycopg://user:password@host/database"
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"sqlite:////[^?#\0]+", text):
        return text
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text)
    if not url.startswith("postgresql+psycopg://"):
        raise ValueError(rule)
    if importlib.util.find_spec("psycopg") is None:
        raise ValueError(
            "names a PostgreSQL database, which needs the extra `postgres`: "
            "pip install 'modelyard[postgres]'"
        )
    return url


def prices(value: object) -> tuple[tuple[str, float], ...]:
    """Return what things are priced, and their prices."""
    rule = 'is a table of US dollars an hour by instance type: "ml.m5.large" = 0.1'
    if not isinstance(value, Mapping):
        raise ValueError(rule)  # noqa: TRY004 - a rule's word for it is ValueError
    found: dict[str, float] = {}
    for name, price in value.items():
        number = isinstance(price, int | float) and not isinstance(price, bool)
        if not str(name).startswith("ml.") or not number or not 0 <= price < float("inf"):
            raise ValueError(rule)
        found[str(name)] = float(price)
    return tuple(sorted(found.items()))


def is_address(text: str) -> bool:
    """Tell whether `text` is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(text: str) -> bool:
    """Tell whether only this machine reaches `text`; a name other than localhost does not count."""
    return text.lower() == "localhost" or (
        is_address(text) and ipaddress.ip_address(text).is_loopback
    )
