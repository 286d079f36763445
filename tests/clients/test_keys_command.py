"""`modelyard keys …` against a running server."""

from __future__ import annotations

import uuid

from tests.live import LiveServer


def line_of(server: LiveServer, key: str) -> str:
    lines = server.cli("keys", "list").stdout.splitlines()
    (found,) = [line for line in lines if line.startswith(key)]
    return " ".join(found.split())


def test_a_key_lives_from_create_to_delete_on_the_command_line(server: LiveServer) -> None:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    arn = server.cli("keys", "create", "--alias", name, "--description", "of models").stdout.strip()
    key, kms = arn.rpartition("/")[2], server.client("kms")
    assert line_of(server, key) == f"{key} Enabled alias/{name} of models"

    blob = kms.encrypt(KeyId=arn, Plaintext=b"secret")["CiphertextBlob"]
    server.cli("keys", "rotate", f"alias/{name}")
    assert [one["RotationType"] for one in kms.list_key_rotations(KeyId=key)["Rotations"]] == [
        "ON_DEMAND"
    ]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"

    server.cli("keys", "disable", key)
    assert line_of(server, key).startswith(f"{key} Disabled")
    server.cli("keys", "enable", arn)
    assert line_of(server, key).startswith(f"{key} Enabled")

    said = server.cli("keys", "delete", key, "--days", "7").stdout
    date = kms.describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"]
    assert f"will be destroyed at {date:%Y-%m-%dT%H:%M}" in said
    assert line_of(server, key).startswith(f"{key} PendingDeletion")
    refused = server.cli("keys", "enable", key, check=False)
    assert refused.returncode == 1
    assert "KMSInvalidStateException" in refused.stderr


def test_what_is_wrong_with_a_key_is_one_line(server: LiveServer) -> None:
    refused = server.cli("keys", "rotate", "alias/nothing", check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "NotFoundException" in refused.stderr
    taken = f"cli-{uuid.uuid4().hex[:8]}"
    server.cli("keys", "create", "--alias", taken)
    refused = server.cli("keys", "create", "--alias", f"alias/{taken}", check=False)
    assert refused.returncode == 1
    assert "was created, but without an alias: AlreadyExistsException" in refused.stderr
