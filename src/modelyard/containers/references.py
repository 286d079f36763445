"""URIs of container images: in this server's own registries, and in others.

A registry is called as ECR calls it, `<account>.dkr.ecr.<region>.amazonaws.com`: nothing answers at
that name, which only says whose the image is. A repository's ARN is what policies speak of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from modelyard.arns import Arn
from modelyard.compute.images import Reference
from modelyard.compute.images.registries import registry
from modelyard.store.resources import Scope

_REGISTRY = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]*[a-z0-9]"
)
DEFAULT_TAG = "latest"
#: As ECR has them: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
REPOSITORY = r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
#: A registry's name has a dot, a port, or is localhost: that is how it differs from a repository's.
_FOREIGN = re.compile(
    rf"(?P<registry>localhost|{_LABEL}(?:\.{_LABEL})+|{_LABEL}(?:\.{_LABEL})*:[0-9]{{1,5}})"
    rf"/(?P<repository>{REPOSITORY})(?::(?P<tag>{TAG}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)


@dataclass(frozen=True, kw_only=True)
class OwnReference:
    """What a URI names: an image by its digest, or else whatever bears a tag."""

    scope: Scope
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self | None:
        """Return what `uri` names; None: it is in no registry of the kind."""
        reference = Reference.parse(uri)
        home = None if reference is None else _REGISTRY.fullmatch(reference.registry)
        if reference is None or home is None:
            return None
        return cls(
            scope=Scope(account=home["account"], region=home["region"]),
            repository=reference.repository,
            tag=reference.tag or ("" if reference.digest else DEFAULT_TAG),
            digest=reference.digest,
        )

    @property
    def tag_name(self) -> str:
        """The name of the tag's row."""
        return f"{self.repository}:{self.tag}"

    @property
    def repository_uri(self) -> str:
        """The URI without tag and digest."""
        return f"{registry(self.scope.account, self.scope.region)}/{self.repository}"


@dataclass(frozen=True, kw_only=True)
class ForeignReference:
    """An image of a registry elsewhere: by its digest, or else by a tag."""

    registry: str  # host, and port if it is not HTTPS's own
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self | None:
        """Return what `uri` names; None: it names no registry, or one of this server's own.

        A name without a registry means none: `python:3.12` could be anybody's.
        """
        match = _FOREIGN.fullmatch(uri)
        if match is None or _REGISTRY.fullmatch(match["registry"]):
            return None
        digest = match["digest"] or ""
        tag = "" if digest else match["tag"] or DEFAULT_TAG
        return cls(
            registry=match["registry"], repository=match["repository"], tag=tag, digest=digest
        )

    @property
    def name(self) -> str:
        """The URI as it is pulled: with a tag or a digest, never both."""
        ending = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.repository_uri}{ending}"

    @property
    def repository_uri(self) -> str:
        """The URI without tag and digest."""
        return f"{self.registry}/{self.repository}"


def image_uri(scope: Scope, repository: str, *, tag: str = "", digest: str = "") -> str:
    """Return the URI of an image by its tag, or by its digest."""
    ending = f"@{digest}" if digest else f":{tag}"
    return f"{registry(scope.account, scope.region)}/{repository}{ending}"


def repository_arn(scope: Scope, repository: str) -> str:
    """Return the ARN of a repository."""
    return str(
        Arn(
            service="ecr",
            region=scope.region,
            account=scope.account,
            resource=f"repository/{repository}",
        )
    )
