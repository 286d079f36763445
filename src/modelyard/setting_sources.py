"""Where settings come from, and what is wrong with what stands there.

Sources are read from the weakest to the strongest, and each value is checked where it was found:
also a bad value that a stronger source overrides is a problem, because someone meant something.
"""

from __future__ import annotations

import difflib
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.setting_rules import Rule, SeveralProblems

PREFIX = "MODELYARD_"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What there is to say about one setting, beside its value."""

    meaning: str
    rule: Rule
    secret: bool = False  # its value is never printed
    shown: str = ""  # the default in words, where it is worked out from other settings


def setting(
    default: Any, meaning: str, rule: Rule, *, secret: bool = False, shown: str = ""
) -> Any:
    """Return the field of a setting; `shown`: its default in words, where it is worked out."""
    definition = Definition(meaning=meaning, rule=rule, secret=secret, shown=shown)
    return field(default=default, repr=not secret, metadata={"definition": definition})


class Reading:
    """Values found so far, and problems. Each `read_…` overrides what the ones before it found.

    Args:
        definitions: every setting by its name.
    """

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self.values: dict[str, Any] = {}
        self.problems: list[str] = []
        self.origins: dict[str, str] = {}  # where each value was found, in words
        self._definitions = definitions

    def read_file(self, path: Path, *, required: bool) -> None:
        """Read a TOML file; one that is not there is a problem only if it is `required`."""
        try:
            with path.open("rb") as file:
                others_read = bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
                found = tomllib.load(file)
        except FileNotFoundError:
            if required:
                self.problems.append(f"there is no settings file {path}")
            return
        except (OSError, ValueError) as error:
            self.problems.append(f"the settings file {path} cannot be read: {error}")
            return
        for name, value in found.items():
            self._take(name, value, f"{name} in {path}", names=self._definitions)
        secrets = [name for name in found if name in self._definitions and self._secret(name)]
        if secrets and others_read:
            self.problems.append(
                f"{path} holds {', '.join(secrets)}, and other users may read it: chmod 600 {path}"
            )

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Read the variables `MODELYARD_<NAME>`."""
        names = [PREFIX + name.upper() for name in self._definitions]
        for variable, value in environment.items():
            if variable.startswith(PREFIX):
                # A variable is spelt in capitals only: modelyard_port would be read nowhere else.
                name = variable.removeprefix(PREFIX).lower() if variable.isupper() else variable
                self._take(name, value, variable, names=names)

    def read_options(self, options: Mapping[str, object]) -> None:
        """Read what the command line gave; None means not given."""
        names = ["--" + name.replace("_", "-") for name in self._definitions]
        for name, value in options.items():
            if value is not None:
                self._take(name, value, "--" + name.replace("_", "-"), names=names)

    def _take(self, name: str, value: object, origin: str, *, names: Any) -> None:
        definition = self._definitions.get(name)
        if definition is None:
            spellings = {name.lower(): name for name in names}
            near = difflib.get_close_matches(origin.split(" in ")[0].lower(), spellings, n=1)
            hint = f": did you mean {spellings[near[0]]}?" if near else ""
            self.problems.append(f"{origin} is not a setting{hint}")
            return
        try:
            self.values[name] = definition.rule(value)
            self.origins[name] = origin
        except SeveralProblems as error:
            self.problems.extend(placed(error, name, origin))
        except ValueError as error:
            written = "cannot be used" if definition.secret else f"is {value!r}"
            self.problems.append(f"{origin} {written}: {name} {error}")

    def _secret(self, name: str) -> bool:
        return self._definitions[name].secret


def placed(error: SeveralProblems, name: str, origin: str) -> list[str]:
    """Return each problem of a table with its whole key, and with the file that it is in.

    Args:
        name: of the setting.
        origin: where it was found, `accounts in /home/modelyard.toml`.
    """
    where = origin.partition(" in ")[2]
    place = f" in {where}" if where else ""
    return [f"{name}.{key}{place}: {why}" for key, why in error.problems.items()]


def listed(
    defaults: Mapping[str, object], definitions: Mapping[str, Definition], how: Sequence[str]
) -> str:
    """Return a text that lists settings: each one's name, its default and what it is.

    Args:
        how: lines that say how one is set.
    """
    rows = [("setting", "default", "meaning")]
    for name, default in defaults.items():
        definition = definitions[name]
        rows.append((name, definition.shown or _text(default), definition.meaning))
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:{wide[0]}}  {default:{wide[1]}}  {meaning}" for name, default, meaning in rows]
    return "\n".join([*lines, "", *how])


def _text(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case () | None | "":
            return "none"
        case _:
            return str(default)
