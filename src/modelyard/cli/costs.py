"""`modelyard costs` and `modelyard job-run` call the operations on costs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from modelyard.cli.connection import Connection

_COLUMNS = f"{'USD':>14} {'instance-hours':>15} {'jobs':>7}  "


def show(connection: Connection, request: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a line for each group, the dearest first, and their total.

    Raises:
        CommandError: the server refuses.
    """
    answer = connection.operation("Modelyard.ListCosts", dict(request))
    if as_json:
        sys.stdout.write(f"{json.dumps(answer, indent=2)}\n")
        return
    sys.stdout.write(f"{_COLUMNS}{answer['By']}\n")
    for group in answer["Groups"]:
        sys.stdout.write(_line(group, group["Name"] or "(none)"))
    if answer["GroupsLeftOut"]:
        sys.stdout.write(f"… and {answer['GroupsLeftOut']} more: raise --limit\n")
    total = answer["Total"]
    sys.stdout.write(_line(total, "total"))
    if total["UnpricedInstanceSeconds"]:
        hours = total["UnpricedInstanceSeconds"] / 3600
        sys.stdout.write(
            f"{hours:.4f} instance-hours have no price: give the setting instance_prices\n"
        )


def show_run(connection: Connection, job: str) -> None:
    """Print how a job was run, as JSON.

    Raises:
        CommandError: there is none, or the server refuses.
    """
    answer = connection.operation("Modelyard.DescribeJobRun", {"JobArn": job})
    sys.stdout.write(f"{json.dumps(answer, indent=2)}\n")


def _line(found: Mapping[str, Any], name: str) -> str:
    hours = found["InstanceSeconds"] / 3600
    return f"{found['Usd']:14.6f} {hours:15.4f} {found['Jobs']:7}  {name}\n"
