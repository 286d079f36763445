"""The doors, and the certificate that they show."""

from __future__ import annotations

import ssl

from starlette.types import ASGIApp

from modelyard.api.app import Rooms, build_app
from modelyard.api.event_metrics import DeliveryCollector
from modelyard.api.gateway_metrics import GatewayCollector
from modelyard.api.git.door import GitDoor
from modelyard.api.metrics import Metrics
from modelyard.api.mlflow.door import MlflowDoor
from modelyard.api.monitor_metrics import MonitorCollector
from modelyard.api.orchestrator import orchestrator_app
from modelyard.api.s3.door import S3Door
from modelyard.assembly.ground import Ground
from modelyard.assembly.steps import Step
from modelyard.events.room import EventBus
from modelyard.experiments.servers import MlflowServers
from modelyard.gateway.relay import Relay
from modelyard.gateway.supervisor import GatewayPool
from modelyard.identity.authentication import Authenticator
from modelyard.identity.http_authentication import HttpAuthenticator
from modelyard.orchestrator.gitops.intake import Intake
from modelyard.orchestrator.service import OrchestratorService
from modelyard.tls.renewal import Renewal


def doors(
    ground: Ground,
    authenticator: Authenticator,
    service: OrchestratorService,
    s3_door: S3Door,
    gateway: GatewayPool,
    gateway_trust: ssl.SSLContext | None,
    relay: Relay,
    events: EventBus,
    mlflow: MlflowServers,
    intake: Intake,
) -> ASGIApp:
    settings = ground.settings
    metrics = Metrics()
    by_password = HttpAuthenticator(authenticator, ground.credentials.sealing_key)
    metrics.add(GatewayCollector(gateway.metrics))
    metrics.add(DeliveryCollector(events.tally.counts, ground.store))
    metrics.add(MonitorCollector(ground.store))

    def look_at_database() -> None:
        with ground.store.read() as snapshot:
            snapshot.with_status("none", "none")

    return build_app(
        Rooms(
            table=ground.table,
            schema=ground.schema,
            authenticator=authenticator,
            s3=s3_door,
            mlflow=MlflowDoor(
                by_password,
                ground.table.guard,
                ground.table.decide,
                mlflow,
            ),
            git=GitDoor(
                by_password,
                ground.table.guard,
                ground.store,
                intake,
                account=settings.account,
                region=settings.region,
            ),
            orchestrator=orchestrator_app(
                service, allow_detailed_error_message=settings.allow_detailed_error_message
            ),
            gateway_url=lambda: gateway.local_url,
            gateway_trust=gateway_trust,
            relay=relay,
            bound_host=settings.host,
            allowed_hosts=settings.allowed_hosts,
            readiness={"database": look_at_database},
            metrics=metrics,
            refusals=ground.audit.refusals,
        )
    )


def renewal(tls: Renewal | None, gateway: GatewayPool) -> list[Step]:
    if tls is None:
        return []
    tls.subscribe(gateway.set_certificate)
    return [Step(start=tls.start, stop=tls.stop)]
