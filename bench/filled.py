"""A database full of model versions, made once and copied for each bench that wants it."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event

from modelyard.operations.context import Context, Principal
from modelyard.registry import descriptions
from modelyard.registry.references import GROUP, VERSION
from modelyard.store.database import Database
from modelyard.store.resources import Scope, Store

ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
GROUPS = 50
_AT_ONCE = 10_000  # versions per transaction
_CACHE_KIB = 1 << 19  # of pages, so that an index's are not read again for each value
_SCOPE = Scope(account=ACCOUNT, region=REGION)


def filled(file: Path, versions: int) -> None:
    """Put a database with `versions` model versions at `file`, where none is."""
    shutil.copyfile(Path(_folder(versions).name) / "modelyard.db", file)
    file.chmod(0o600)


@cache
def _folder(versions: int) -> tempfile.TemporaryDirectory[str]:
    """Return the folder of the database that is copied; it goes with this process."""
    folder = tempfile.TemporaryDirectory(prefix="modelyard-bench-")
    fill(Path(folder.name) / "modelyard.db", versions)
    return folder


def fill(file: Path, versions: int) -> None:
    """Put versions into a database that no server uses yet, by the way that all changes go."""
    database = Database(f"sqlite:///{file}")
    event.listen(
        database.engine,
        "connect",
        lambda connection, _: connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}"),
    )
    database.migrate()
    store = Store(database)
    store.make_searchable(VERSION, descriptions.searched_version)
    store.make_searchable(GROUP, descriptions.describe_group)
    for first in range(0, versions, _AT_ONCE):
        with store.write() as transaction:
            for number in range(first, min(first + _AT_ONCE, versions)):
                transaction.create(_SCOPE, VERSION, **_version(number))
    database.dispose()


def request_of(url: str) -> dict[str, Any]:
    """Return what registers an archive, beside its group."""
    return {
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": url}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelPackageDescription": "made by a run",
        "CustomerMetadataProperties": {"run_id": "run-0", "auc": "0.97", "owner": "user-1"},
    }


def _version(number: int) -> dict[str, Any]:
    group, version = f"group-{number % GROUPS}", number // GROUPS + 1
    name = f"{group}/{version}"
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{VERSION}/{name}"
    request = request_of(f"s3://models/{number}/model.tar.gz")
    request["ModelPackageDescription"] = f"made by run {number}, of run {number}"
    request["CustomerMetadataProperties"] = {
        "run_id": f"run-{number}",
        "auc": f"{(number * 7919) % 100_000 / 100_000:.5f}",
        "owner": f"user-{number % 1000}",
    }
    root = f"arn:aws:iam::{ACCOUNT}:root"
    principal = Principal(account=ACCOUNT, arn=root, user_id=ACCOUNT)
    by = descriptions.user_context(
        Context(account=ACCOUNT, region=REGION, principal=principal, request_id="", source="bench")
    )
    return {
        "name": name,
        "arn": arn,
        "spec": {"ModelPackageGroupName": group, **request},
        "status": "Completed",
        "observed": {
            "ModelPackageGroupName": group,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "ModelApprovalStatus": ("Approved", "Rejected")[number % 2],
            "CreatedBy": by,
            "LastModifiedBy": by,
            "Author": root,
            "Approvals": [],
        },
        "tags": {"team": f"team-{number % 20}"},
    }
