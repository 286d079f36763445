"""The object graph: the one place where the rooms meet, built from settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp

from modelyard.api.app import Rooms, build_app
from modelyard.api.metrics import Metrics
from modelyard.compute.images import image_of, retrieve
from modelyard.compute.instance_types import instance_type
from modelyard.home import Home
from modelyard.identity.authentication import Authenticator
from modelyard.identity.authorisation import Policy
from modelyard.identity.credentials import Credentials, establish_credentials
from modelyard.identity.operations import IdentityOperations
from modelyard.identity.roles import ensure_default_role, require_role
from modelyard.operations.schema import Schema
from modelyard.operations.table import OperationTable
from modelyard.settings import Settings
from modelyard.store.database import Database
from modelyard.store.objects import ObjectStores
from modelyard.store.outbox import Outbox
from modelyard.store.resources import Store
from modelyard.workflows.engine import Engine
