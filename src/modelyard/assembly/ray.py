"""Ray clusters: those that the accounts' settings name, one connection each."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import structlog

from modelyard.account_settings import AccountSettings
from modelyard.assembly.ground import Ground
from modelyard.assembly.steps import Step
from modelyard.compute.ray.cluster import Cluster, ClusterAddress, OpenCluster
from modelyard.compute.ray.exchange import sweep
from modelyard.compute.ray.runtime import Ways
from modelyard.compute.runtime import RuntimeUnavailableError
from modelyard.identity.object_urls import ObjectUrls
from modelyard.jobs.places import compute_of
from modelyard.jobs.sites import RaySite, Site
from modelyard.store.resources import Resource

_TOKEN_FILE = "~/.ray/auth_token"  # noqa: S105 - a file's name, Ray's own default

log = structlog.get_logger(__name__)


class RayClusters:
    """The clusters of a server, by account.

    Args:
        authority: PEM of what vouches for this server, if it has its own.
    """

    def __init__(self, ground: Ground, *, authority: str) -> None:
        self._ground = ground
        self._sites: dict[str, RaySite] = {}
        self._clusters: dict[ClusterAddress, Cluster] = {}
        for account in ground.settings.all_accounts().values():
            if account.compute_ray_address:
                ways = Ways(
                    sign=ObjectUrls(
                        ground.credentials.sealing_key,
                        account.compute_ray_server_url or ground.url,
                        ground.settings.region,
                    ).sign,
                    server=_name_of(ground),
                    authority=authority,
                    runtime=ground.settings.runtime,
                )
                cluster = self._cluster(_address(account))
                self._sites[account.id] = RaySite(cluster, ways, ground.objects)

    def site_of(self, job: Resource) -> Site | None:
        """Return the cluster that a job runs on; None: it runs on this machine."""
        return self._sites.get(job.scope.account) if compute_of(job) == "ray" else None

    @property
    def step(self) -> Step:
        return Step(start=self._check, stop=self._close)

    async def _check(self) -> None:
        """Refuse to start beside a cluster that takes orders from everybody.

        Raises:
            OpenCluster: one does.
        """
        for account in self._sites:
            # What an earlier server sent belongs to programs that have ended with it.
            await asyncio.to_thread(sweep, self._ground.objects.of(account), account)
        for cluster in self._clusters.values():
            try:
                await cluster.check()
            except OpenCluster:
                raise
            except RuntimeUnavailableError as error:
                # It may come later; until then its jobs fail, and say so.
                log.warning("a Ray cluster cannot be used", why=str(error))

    async def _close(self) -> None:
        await asyncio.gather(*(cluster.close() for cluster in self._clusters.values()))

    def _cluster(self, where: ClusterAddress) -> Cluster:
        return self._clusters.setdefault(where, Cluster(where))


def _name_of(ground: Ground) -> str:
    """Return what tells this home's server from those of other homes on the same cluster."""
    return hashlib.sha256(ground.credentials.sealing_key.encode()).hexdigest()[:16]


def _address(account: AccountSettings) -> ClusterAddress:
    token_file = Path(account.compute_ray_token_file or _TOKEN_FILE).expanduser()
    return ClusterAddress(address=account.compute_ray_address, token_file=token_file)
