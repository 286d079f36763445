"""A small world for the registry: a real store, real objects, real archives."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

import xgboost

from modelyard.arns import role_arn
from modelyard.governance.cards import content as card_content
from modelyard.identity.roles import role_scope
from modelyard.keys.master import MasterKey
from modelyard.keys.ring import KeyRing
from modelyard.keys.service import KeyService
from modelyard.operations.context import Context, Principal
from modelyard.operations.requests import scope_of
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.registry import descriptions, people
from modelyard.registry.approval_operations import ApprovalOperations
from modelyard.registry.approvals import Approvals
from modelyard.registry.artifacts import Artifacts
from modelyard.registry.deployment import Deployments
from modelyard.registry.group_operations import GroupOperations
from modelyard.registry.references import GROUP, VERSION
from modelyard.registry.registration import Registration
from modelyard.registry.search_operations import Searchable, SearchOperations
from modelyard.registry.version_changes import VersionChanges
from modelyard.registry.version_operations import VersionOperations
from modelyard.store.database import Database
from modelyard.store.objects import Encryption, ObjectStores, S3Uri
from modelyard.store.resources import Store
from tests.data import breast_cancer
from tests.live import XGBOOST
from tests.policies import AllowAll

HUB, SPOKE, STRANGER = "123456789012", "234567890123", "345678901234"
REGION = "us-east-1"


def root(account: str = HUB) -> Context:
    return _context(Principal(account=account, arn=f"arn:aws:iam::{account}:root", user_id=account))


def person(name: str, role: str = "ml-engineer", account: str = HUB) -> Context:
    """Return the context of a user who works in a role's session."""
    return _context(
        Principal(
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            user_id=f"AROA:{name}",
            person=f"arn:aws:iam::{account}:user/{name}",
            role=role_arn(account=account, name=role),
        )
    )


def _context(principal: Principal) -> Context:
    return Context(
        account=principal.account,
        region=REGION,
        principal=principal,
        request_id="r-1",
        source="test",
    )


def booster() -> xgboost.Booster:
    data = breast_cancer()
    matrix = xgboost.DMatrix(data.x_train, label=data.y_train)
    return xgboost.train({"objective": "binary:logistic", "max_depth": 2}, matrix, 3)


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a tar.gz of files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def model_archive() -> bytes:
    return packed({"xgboost-model": bytes(booster().save_raw("ubj"))})


class World:
    def __init__(self, database: Database, folder: Any) -> None:
        self.store = Store(database)
        self.ring = KeyRing(self.store, MasterKey(b"m" * 32))
        table = OperationTable(Schema(), AllowAll())
        self.keys = KeyService(self.ring, table.guard, table.decide, region=REGION)
        self.objects = ObjectStores(folder / "objects", self.keys.of_account)
        for account in (HUB, SPOKE):
            self.objects.of(account).create_bucket(f"assets-{account}")
        artifacts = Artifacts(self.objects)
        approvals = Approvals(people.STORED, artifacts.exists, card_content.problems_of)
        registration = Registration(self.store, artifacts, approvals, keys_of=self.keys.of)
        self.groups = GroupOperations(
            self.store, account_exists=lambda account: account in (HUB, SPOKE)
        )
        self.registration = registration
        self.versions = VersionOperations(
            self.store, registration, VersionChanges(self.store, registration, approvals)
        )
        self.approval = ApprovalOperations(self.store, approvals)
        self.deployments = Deployments(
            self.store,
            artifacts,
            lambda context, role: self.keys.of_role(scope_of(context), role, "CreateModel"),
        )
        self.searches = SearchOperations(
            self.store,
            {
                "ModelPackage": Searchable(
                    kind=VERSION,
                    project=descriptions.searched_version,
                    show=descriptions.describe_version,
                ),
                "ModelPackageGroup": Searchable(
                    kind=GROUP,
                    project=descriptions.describe_group,
                    show=descriptions.describe_group,
                ),
            },
        )

    def add_role(self, name: str, persona: str, account: str = HUB) -> None:
        with self.store.write() as transaction:
            transaction.create(
                role_scope(account),
                "role",
                name,
                arn=role_arn(account=account, name=name),
                spec={"Persona": persona},
                status="Active",
            )

    def add_user(self, name: str, account: str = HUB, personas: tuple[str, ...] = ()) -> None:
        with self.store.write() as transaction:
            transaction.create(
                role_scope(account),
                "user",
                name,
                arn=f"arn:aws:iam::{account}:user/{name}",
                spec={"Personas": list(personas)},
                status="Active",
            )

    def put(self, key: str, data: bytes, account: str = HUB) -> str:
        uri = S3Uri(bucket=f"assets-{account}", key=key)
        self.objects.of(account).put_bytes(uri, data)
        return str(uri)

    def key(self, *closed_to: str) -> str:
        """Create a key that everybody may use, but for some roles, and return its ARN."""
        everybody = {"AWS": f"arn:aws:iam::{HUB}:root"}
        statements: list[dict[str, Any]] = [
            {"Effect": "Allow", "Principal": everybody, "Action": "kms:*", "Resource": "*"}
        ]
        statements += [
            {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "kms:*", "Resource": "*"}
            for role in closed_to
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        with self.store.write() as transaction:
            scope = scope_of(root())
            return self.ring.create(transaction, scope, description="", policy=policy).arn

    def put_under(self, encryption_key: str, key: str, data: bytes) -> str:
        uri = S3Uri(bucket=f"assets-{HUB}", key=key)
        encryption = Encryption(mode="aws:kms", key=encryption_key)
        with self.objects.of(HUB).writing(uri, encryption) as sink:
            sink.write(data)
        return str(uri)

    def group(self, name: str = "credit-risk") -> str:
        answer = self.groups.create_model_package_group(root(), {"ModelPackageGroupName": name})
        return str(answer["ModelPackageGroupArn"])

    def request(self, group: str = "credit-risk", **members: Any) -> dict[str, Any]:
        """Return a request for a version whose archive is there."""
        url = members.pop("url", None) or self.put("model.tar.gz", model_archive())
        return {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {
                "Containers": [{"Image": XGBOOST, "ModelDataUrl": url}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            **members,
        }

    def register(
        self, context: Context | None = None, group: str = "credit-risk", **members: Any
    ) -> str:
        answer = self.versions.create_model_package(
            context or root(), self.request(group, **members)
        )
        return str(answer["ModelPackageArn"])

    def update(self, context: Context, arn: str, **members: Any) -> None:
        self.versions.update_model_package(context, {"ModelPackageArn": arn, **members})

    def describe(self, arn: str, context: Context | None = None) -> dict[str, Any]:
        return self.versions.describe_model_package(context or root(), {"ModelPackageName": arn})


def card() -> str:
    return json.dumps(
        {
            "intended_uses": {
                "purpose_of_model": "to tell tumours apart",
                "intended_uses": "a second opinion",
                "risk_rating": "High",
            }
        }
    )
