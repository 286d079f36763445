"""What a request to S3 asks to be allowed: actions and resources by their IAM names.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_ACTIONS: Mapping[str, str] = {
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "CompleteMultipartUpload": "s3:PutObject",
    "CopyObject": "s3:PutObject",
    "CreateBucket": "s3:CreateBucket",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteBucket": "s3:DeleteBucket",
    "DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetObject": "s3:GetObject",
    "GetObjectTagging": "s3:GetObjectTagging",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "PutObject": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "UploadPartCopy": "s3:PutObject",
}

#: All actions that the door asks about.
ACTIONS = tuple(sorted(set(_ACTIONS.values())))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One thing to be allowed."""

    action: str
    resource: str


def wanted(operation: str, bucket: str, key: str, headers: Mapping[str, str]) -> list[Wanted]:
    """Return all that must be allowed for one request; a copy reads, and then writes.

    Raises:
        KeyError: the operation has no action, and so cannot be allowed.
    """
    # Whoever deletes many objects at once names them in the body: it takes leave to delete any.
    path = f"{bucket}/*" if operation == "DeleteObjects" else f"{bucket}/{key}" if key else bucket
    needed = [Wanted(action=_ACTIONS[operation], resource=f"arn:aws:s3:::{path or '*'}")]
    source = headers.get("x-amz-copy-source")
    if operation in {"CopyObject", "UploadPartCopy"} and source is not None:
        read = unquote(source.partition("?")[0]).removeprefix("/")
        needed.insert(0, Wanted(action="s3:GetObject", resource=f"arn:aws:s3:::{read}"))
    return needed
