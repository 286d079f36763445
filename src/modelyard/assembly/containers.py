"""Container images: found, built, pulled; and where the jobs run that could run in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modelyard.account_settings import AccountSettings
from modelyard.assembly.ground import Ground
from modelyard.compute.containers.building import BuildError, ImageBuilder
from modelyard.compute.containers.image_folder import ImageFolder
from modelyard.compute.runtime import Runtime
from modelyard.containers.catalogue import Catalogue
from modelyard.containers.operations import ImageOperations
from modelyard.containers.pulled import PulledImages
from modelyard.containers.registry_access import RegistryAccess
from modelyard.containers.scanning import ImageScanner
from modelyard.containers.workshop import ImageWorkshop, Rules
from modelyard.jobs.image_pull import Pull, PullError
from modelyard.jobs.places import Places
from modelyard.store.resources import Scope


@dataclass(frozen=True, kw_only=True)
class Images:
    """What every room is to know of container images."""

    catalogue: Catalogue
    workshop: ImageWorkshop
    pull: Pull
    places: Places


def images_of(ground: Ground, runtime: Runtime) -> Images:
    """Return the images of a server, cleared of what an earlier one left half-made."""
    settings, home = ground.settings, ground.home
    folder = ImageFolder(home.images)
    scope = Scope(account=settings.account, region=settings.region)
    pulled = PulledImages(ground.store, scope, settings.image_registries)
    catalogue = Catalogue(ground.store, folder, pulled)
    builder = ImageBuilder(runtime, folder, home.images / ".building", engine=settings.image_engine)
    builder.sweep()
    catalogue.sweep()
    rules = Rules(
        registries=settings.image_registries,
        network=settings.image_build_network,
        access=RegistryAccess(
            settings.image_registry_login_file, settings.image_registry_authority_file
        ),
    )
    advisories = Path(settings.image_advisories) if settings.image_advisories else None
    scanner = ImageScanner(folder, advisories)
    workshop = ImageWorkshop(ground.store, builder, folder, rules, pulled, scanner)
    ground.table.add(ImageOperations(catalogue, folder, scanner))

    async def pull(uri: str, say: Callable[[str], None]) -> str:
        try:
            return await workshop.pull(uri, say)
        except BuildError as error:
            raise PullError(str(error)) from error

    accounts = {account.id: account for account in settings.all_accounts().values()}

    def account_of(account: str) -> AccountSettings:
        found = accounts.get(account)
        # One that was made while the server ran, and is in no settings file.
        return found or AccountSettings(name="", id=account, stage="")

    places = Places(account_of, catalogue.find)
    return Images(catalogue=catalogue, workshop=workshop, pull=pull, places=places)
