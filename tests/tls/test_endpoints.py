"""The table of endpoints that the SDKs look STS up in."""

from __future__ import annotations

import json
from pathlib import Path

import botocore.loaders
import botocore.regions
import pytest

from modelyard.tls.endpoints import (
    ForeignEndpoints,
    models_file,
    redirected,
    remove_endpoints,
    write_endpoints,
)

TABLE = botocore.loaders.create_loader().load_data("endpoints")
REGIONS = [
    (partition["partition"], region)
    for partition in TABLE["partitions"]
    for region in [
        *partition["regions"],
        *partition["services"].get("sts", {}).get("endpoints", []),
    ]
]


@pytest.mark.parametrize(("partition", "region"), REGIONS)
def test_botocore_finds_sts_of_every_region_here(partition: str, region: str) -> None:
    resolver = botocore.regions.EndpointResolver(redirected(TABLE, "127.0.0.1:4443"))
    found = resolver.construct_endpoint("sts", region, partition_name=partition)
    assert found is not None
    assert found["hostname"] == "127.0.0.1:4443"


def test_no_other_service_is_moved() -> None:
    resolver = botocore.regions.EndpointResolver(redirected(TABLE, "127.0.0.1:4443"))
    before = botocore.regions.EndpointResolver(TABLE)
    for service in ("s3", "sagemaker", "ecr", "iam"):
        assert resolver.construct_endpoint(service, "eu-west-1") == before.construct_endpoint(
            service, "eu-west-1"
        )


def test_what_was_written_is_read_by_botocore_and_removed_again(tmp_path: Path) -> None:
    path = models_file(tmp_path)
    assert path == tmp_path / ".aws/models/endpoints.json"
    assert not remove_endpoints(path)
    write_endpoints(path, "127.0.0.1:1")
    write_endpoints(path, "127.0.0.1:2")
    loader = botocore.loaders.Loader(extra_search_paths=[str(path.parent)])
    resolver = botocore.regions.EndpointResolver(loader.load_data("endpoints"))
    found = resolver.construct_endpoint("sts", "us-east-1")
    assert found is not None
    assert found["hostname"] == "127.0.0.1:2"
    assert remove_endpoints(path)
    assert not path.exists()


@pytest.mark.parametrize("content", [json.dumps({"partitions": []}), "no JSON", "[]", "7"])
def test_somebody_elses_table_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = models_file(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ForeignEndpoints, match="not Modelyard's"):
        write_endpoints(path, "127.0.0.1:1")
    with pytest.raises(ForeignEndpoints):
        remove_endpoints(path)
    assert path.read_text() == content
