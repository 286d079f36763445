"""The registries that AWS keeps its built-in images in: one account per family and region."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources

import yaml

#: What follows `<account>.dkr.ecr.<region>.`, by how the region's name begins.
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}


def accounts_of(family: str) -> Mapping[str, str]:
    """Return the registry's account by region, of a family of `registries.yaml`."""
    return _accounts()[family]


def registry(account: str, region: str) -> str:
    """Return the host name of an account's registry in a region."""
    domain = next(
        (domain for prefix, domain in _DOMAINS.items() if region.startswith(prefix)),
        "amazonaws.com",
    )
    return f"{account}.dkr.ecr.{region}.{domain}"


@functools.cache
def registries_of(family: str) -> frozenset[str]:
    """Return the host names of all registries of a family."""
    return frozenset(registry(account, region) for region, account in accounts_of(family).items())


@functools.cache
def all_registries() -> frozenset[str]:
    """Return the host names of all registries of all families."""
    return frozenset().union(*(registries_of(family) for family in _accounts()))


@functools.cache
def _accounts() -> Mapping[str, Mapping[str, str]]:
    text = resources.files("modelyard.compute.images").joinpath("registries.yaml").read_text()
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return found
