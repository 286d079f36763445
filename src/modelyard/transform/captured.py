"""What DataCaptureConfig asks for: manifests of what went in and what came out, by the hour.

A manifest lists objects as S3DataType ManifestFile does: a prefix, and keys below it.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from modelyard.store.s3_uris import S3Uri, common_folder


def manifests(
    destination: S3Uri,
    job: str,
    moment: datetime,
    *,
    inputs: Iterable[S3Uri],
    outputs: Iterable[S3Uri],
) -> Mapping[S3Uri, bytes]:
    """Return the manifests by where they go: `<destination>/input|output/yyyy/mm/dd/hh/`."""
    hour = moment.strftime("%Y/%m/%d/%H").split("/")
    return {
        destination.child(kind, *hour, f"{job}.json"): _manifest(list(objects))
        for kind, objects in (("input", inputs), ("output", outputs))
    }


def _manifest(objects: list[S3Uri]) -> bytes:
    """Return a manifest of objects of one bucket."""
    keys = sorted(uri.key for uri in objects)
    prefix = common_folder(keys)
    bucket = objects[0].bucket if objects else ""
    entries = [{"prefix": f"s3://{bucket}/{prefix}"}, *(key[len(prefix) :] for key in keys)]
    return json.dumps(entries if objects else []).encode()
