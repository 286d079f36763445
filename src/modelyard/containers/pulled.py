"""The images that were pulled: rows of the store, which say what a reference meant when it was.

A tag that was pulled is not pulled again: it means what it meant then, until its row is gone. Each
image has a row by its digest too, which is what jobs and endpoints keep. What may be pulled is the
whole server's affair, and so is what has been: the rows are in the orchestrator's own account.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from modelyard import clock
from modelyard.arns import Arn
from modelyard.containers.references import ForeignReference
from modelyard.store.resources import Scope, Store, Transaction

PULLED = "pulled-image"
ACTIVE = "ACTIVE"


@dataclass(frozen=True, kw_only=True)
class PulledImage:
    """What a reference means."""

    digest: str  # as it is kept here
    pinned: str  # its URI by the digest that its registry gives it


class PulledImages:
    """What was pulled, and what may be.

    Args:
        scope: the account and region of the rows.
        registries: that may be pulled from; no other image is found, though it be here.
    """

    def __init__(self, store: Store, scope: Scope, registries: Collection[str] = ()) -> None:
        self._store = store
        self._scope = scope
        self.registries = registries

    def find(self, reference: ForeignReference) -> PulledImage | None:
        """Return what a reference means; None: it was never pulled."""
        with self._store.read() as snapshot:
            row = snapshot.find(self._scope, PULLED, reference.name)
        if row is None:
            return None
        return PulledImage(digest=row.observed["digest"], pinned=row.observed["pinned"])

    def digests(self) -> list[str]:
        """Return the digests of all that were pulled."""
        with self._store.read() as snapshot:
            return [str(row.observed["digest"]) for row in snapshot.with_status(PULLED, ACTIVE)]

    def keep(self, reference: ForeignReference, digest: str, pulled: str) -> PulledImage:
        """Write down what a reference means from now on.

        Args:
            digest: of the image as it is kept here.
            pulled: of the image in its registry.
        """
        by_digest = reference.name if reference.digest else f"{reference.repository_uri}@{pulled}"
        image = PulledImage(digest=digest, pinned=by_digest)
        with self._store.write() as transaction:
            for name in dict.fromkeys((reference.name, by_digest)):
                self._write(transaction, name, image)
        return image

    def _write(self, transaction: Transaction, name: str, image: PulledImage) -> None:
        observed = {
            "digest": image.digest,
            "pinned": image.pinned,
            "pulled_at": clock.now().isoformat(),
        }
        row = transaction.find(self._scope, PULLED, name)
        if row is not None:
            transaction.update(row, observed=observed)
            return
        arn = Arn(
            service="modelyard",
            region=self._scope.region,
            account=self._scope.account,
            resource=f"{PULLED}/{name}",
        )
        transaction.create(
            self._scope,
            PULLED,
            name,
            arn=str(arn),
            spec={"reference": name},
            status=ACTIVE,
            observed=observed,
        )
