"""`modelyard whoami`, `modelyard can` and `modelyard policies`: who may do what, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from modelyard.cli.connection import Connection
from modelyard.cli.errors import CommandError


def whoami(connection: Connection) -> None:
    """Print who the caller is.

    Raises:
        CommandError: the server refuses.
    """
    said = connection.operation("Modelyard.WhoAmI", {})
    _print(*(f"{name.lower()}: {said[name]}" for name in ("Account", "Arn", "Person", "Role")))


def can(
    connection: Connection, principal: str, action: str, resource: str, request: str | None
) -> None:
    """Print whether a principal may do something, and which policies say so.

    Raises:
        CommandError: it may not; or the server refuses to say.
    """
    members = {"Principal": principal, "Action": action, "Resource": resource}
    if request is not None:
        members["Request"] = request
    said = connection.operation("Modelyard.Authorize", members)
    personas = ", ".join(said["Personas"]) or "none"
    if not said["Allowed"]:
        _print(*_policies(said["Policies"]))
        raise CommandError(f"no (personas: {personas}): {said['Reason']}")
    _print(f"yes: {said['Principal']} (personas: {personas})", *_policies(said["Policies"]))


def check(connection: Connection, files: list[Path]) -> None:
    """Check policy files and print what is wrong with them.

    Raises:
        CommandError: something is.
    """
    if not files:
        raise CommandError("there is no policy file to check: name one, or write policies/*.cedar")
    texts = []
    for file in files:
        try:
            texts.append({"Name": file.name, "Text": file.read_text()})
        except (OSError, ValueError) as error:
            raise CommandError(f"cannot read {file}: {error}") from error
    said = connection.operation("Modelyard.CheckPolicies", {"Files": texts})
    if said["Problems"]:
        _print(*map(_problem, said["Problems"]))
        number = len(said["Problems"])
        raise CommandError(f"{number} {'problem' if number == 1 else 'problems'} found")
    _print(f"{said['Policies']} policies are well-formed")


def list_policies(connection: Connection) -> None:
    """Print the policies in force, and what is wrong with files that are not.

    Raises:
        CommandError: the server refuses.
    """
    said = connection.operation("Modelyard.ListPolicies", {})
    for policy in said["Policies"]:
        place = f"{policy['File']}:{policy['Line']}"
        _print(f"{policy['Effect']:6}  {policy['Id']:44}  {place:36}  {policy['Comment']}")
    if said["Problems"]:
        _print("not in force:", *map(_problem, said["Problems"]))


def _policies(policies: list[dict[str, Any]]) -> list[str]:
    lines = []
    for policy in policies:
        lines += ["", f"{policy['File']}:{policy['Line']}", policy["Text"]]
    return lines


def _problem(problem: dict[str, Any]) -> str:
    return f"{problem['File']}:{problem['Line']}:{problem['Column']}: {problem['Problem']}"


def _print(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
