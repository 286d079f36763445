"""People of several accounts, each with keys of their own, as boto3 speaks for them."""

from __future__ import annotations

import re
from typing import Any

from tests.live import LiveServer

ORCHESTRATOR = "123456789012"
DEV, STAGING, PROD = "234567890123", "345678901234", "456789012345"


class As:
    """boto3 with one principal's keys."""

    def __init__(self, server: LiveServer, exports: dict[str, str]) -> None:
        self.server = server
        self.exports = exports

    def client(self, service: str, **overrides: Any) -> Any:
        return self.server.client(
            service,
            aws_access_key_id=self.exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.exports["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self.exports.get("AWS_SESSION_TOKEN"),
            **overrides,
        )

    def assume(self, role: str, name: str = "me") -> As:
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName=name)
        keys = answer["Credentials"]
        return As(
            self.server,
            {
                "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                "AWS_SESSION_TOKEN": keys["SessionToken"],
            },
        )

    def arn(self) -> str:
        return str(self.client("sts").get_caller_identity()["Arn"])


def exported(text: str) -> dict[str, str]:
    """Return the variables that a command printed for a shell."""
    return dict(re.findall(r"^export ([A-Z_]+)=(\S+)$", text, re.MULTILINE))


def person(server: LiveServer, name: str, account: str, *personas: str) -> As:
    """Add a person with keys of their own."""
    options = [text for persona in personas for text in ("--persona", persona)]
    made = server.cli("people", "add", name, "--account", account, *options)
    return As(server, exported(made.stdout))


def administrator(server: LiveServer, account: str) -> As:
    """Act in an account as its administrator, on the root's behalf."""
    made = server.cli("env", "--account", account, "--as", "orchestrator-administrator")
    return As(server, exported(made.stdout))
