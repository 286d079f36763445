"""What every room stands on: database, objects, schema, policies, keys, audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelyard.api.git import door as git_door
from modelyard.api.mlflow import routes as mlflow_routes
from modelyard.api.s3 import actions as s3_actions
from modelyard.audit.log import AuditLog
from modelyard.home import Home
from modelyard.identity.accounts import ensure_accounts
from modelyard.identity.authorisation import Permissions
from modelyard.identity.authority import authority
from modelyard.identity.credentials import Credentials, establish_credentials
from modelyard.identity.policies.shares import Shares
from modelyard.keys.master import load_master
from modelyard.keys.ring import KeyRing
from modelyard.keys.service import KeyService
from modelyard.operations.context import Context
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.settings import Settings
from modelyard.store.database import Database
from modelyard.store.logs import LogStreams
from modelyard.store.objects import Objects, ObjectStores
from modelyard.store.resources import Store
from modelyard.workflows.engine import Engine

#: The services whose models are read while the rest starts, else the first request would wait.
_WARMED = ("sagemaker", "logs", "sts", "iam", "cloudformation", "events", "cloudwatch")


#: What is asked of the policies without being an operation of a service's model.
_GUARDED = (
    *s3_actions.ACTIONS,
    *mlflow_routes.ACTIONS,
    *git_door.ACTIONS,
    *(f"modelyard:{name}" for name in ("GetMetrics", "GetReadiness", "InvokeInference")),
    *(f"modelyard:{name}" for name in ("DeletePipeline", "GetPipelineStatus", "ProvisionPipeline")),
    "ecr:BatchGetImage",
    "iam:PassRole",
    "sagemaker:InvokeEndpoint",
)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every capability stands on."""

    settings: Settings
    home: Home
    url: str
    credentials: Credentials
    database: Database
    store: Store
    objects: ObjectStores
    logs: LogStreams
    schema: Schema
    table: OperationTable
    permissions: Permissions
    shares: Shares  # to which a room adds the finder of its resources' own policies
    engine: Engine
    key_ring: KeyRing
    keys: KeyService
    audit: AuditLog

    def objects_of(self, context: Context) -> Objects:
        """Return a caller's objects, as the keys that the caller may use let them be seen."""
        return self.objects.of(context.account).acting(self.keys.of(context))


def lay_ground(settings: Settings, home: Home, url: str) -> Ground:
    schema = Schema()
    schema.warm(*_WARMED)
    database = Database(settings.database_url)
    database.claim()
    database.migrate()
    store = Store(database)
    credentials = establish_credentials(
        home.credentials,
        access_key_id=settings.root_access_key_id,
        secret_access_key=settings.root_secret_access_key,
        token=settings.root_token,
    )
    audit = AuditLog(
        database,
        home,
        sealing_key=credentials.sealing_key,
        account=settings.account,
        keep_days=settings.audit_keep_days,
    )
    deciding = authority(
        store,
        schema,
        account=settings.account,
        folder=home.policies,
        guarded=_GUARDED,
        auditor=audit.recorder,
    )
    table = deciding.table
    key_ring = _key_ring(settings, home, store)
    keys = KeyService(key_ring, table.guard, table.decide, region=settings.region)
    objects = ObjectStores(home.objects, keys.of_account)
    ensure_accounts(
        store,
        settings.account,
        settings.all_accounts(),
        lambda account: make_bucket(settings, objects, account),
    )
    return Ground(
        settings=settings,
        home=home,
        url=url,
        credentials=credentials,
        database=database,
        store=store,
        objects=objects,
        logs=LogStreams(home.logs),
        schema=schema,
        table=table,
        permissions=deciding.permissions,
        shares=deciding.shares,
        engine=Engine(database),
        key_ring=key_ring,
        keys=keys,
        audit=audit,
    )


def make_bucket(settings: Settings, objects: ObjectStores, account: str) -> None:
    name, own = settings.assets_bucket_of(account), objects.of(account)
    if name == settings.existing_assets_bucket and account == settings.account:
        return  # looked at once there are policies; see `launch`
    if not own.has_bucket(name):
        own.create_bucket(name)


def _key_ring(settings: Settings, home: Home, store: Store) -> KeyRing:
    given = settings.master_key_file
    master = load_master(Path(given) if given else home.keys / "master", may_make=not given)
    ring = KeyRing(store, master)
    ring.check_master()
    return ring
