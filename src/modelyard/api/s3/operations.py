"""Which operation a request asks for, and what carries it out.

A request to S3 names its operation by method, by whether there is a key, and by a parameter of the
query. What is not offered is named too, from botocore's model of the service, so that no client
stores a bucket's policy as an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, TypeAlias

from modelyard.api.s3 import buckets, copying, encryption, listing, multipart, objects
from modelyard.api.s3.call import Handler
from modelyard.api.s3.errors import S3Error, not_offered

Level: TypeAlias = Literal["service", "bucket", "key"]

HANDLERS: Mapping[str, Handler] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": multipart.complete_multipart_upload,
    "CopyObject": copying.copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteBucketEncryption": encryption.delete_bucket_encryption,
    "DeleteObject": objects.delete_object,
    "DeleteObjects": objects.delete_objects,
    "GetBucketEncryption": encryption.get_bucket_encryption,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetBucketVersioning": buckets.get_bucket_versioning,
    "GetObject": objects.get_object,
    "GetObjectTagging": objects.get_object_tagging,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": objects.head_object,
    "ListBuckets": buckets.list_buckets,
    "ListMultipartUploads": multipart.list_multipart_uploads,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "ListParts": multipart.list_parts,
    "PutBucketEncryption": encryption.put_bucket_encryption,
    "PutObject": objects.put_object,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part,
}

_BY_METHOD: Mapping[tuple[Level, str], str] = {
    ("service", "GET"): "ListBuckets",
    ("bucket", "PUT"): "CreateBucket",
    ("bucket", "HEAD"): "HeadBucket",
    ("bucket", "DELETE"): "DeleteBucket",
    ("bucket", "GET"): "ListObjects",
    ("key", "PUT"): "PutObject",
    ("key", "GET"): "GetObject",
    ("key", "HEAD"): "HeadObject",
    ("key", "DELETE"): "DeleteObject",
}
_BY_PARAMETER: Mapping[tuple[Level, str, str], str] = {
    ("bucket", "GET", "list-type"): "ListObjectsV2",
    ("bucket", "DELETE", "encryption"): "DeleteBucketEncryption",
    ("bucket", "GET", "encryption"): "GetBucketEncryption",
    ("bucket", "PUT", "encryption"): "PutBucketEncryption",
    ("bucket", "GET", "location"): "GetBucketLocation",
    ("bucket", "GET", "uploads"): "ListMultipartUploads",
    ("bucket", "GET", "versioning"): "GetBucketVersioning",
    ("bucket", "POST", "delete"): "DeleteObjects",
    ("key", "DELETE", "uploadId"): "AbortMultipartUpload",
    ("key", "GET", "tagging"): "GetObjectTagging",
    ("key", "GET", "uploadId"): "ListParts",
    ("key", "POST", "uploadId"): "CompleteMultipartUpload",
    ("key", "POST", "uploads"): "CreateMultipartUpload",
    ("key", "PUT", "uploadId"): "UploadPart",
}


def operation_of(
    level: Level, method: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """Return the name of the operation, which has a handler.

    Raises:
        S3Error: NotImplemented, naming it; MethodNotAllowed.
    """
    for parameter in query:
        operation = _BY_PARAMETER.get((level, method, parameter))
        if operation is not None:
            return _checked(operation, query, headers)
    model = _subresources()
    for parameter in query:
        if (level, parameter) in model:
            named = model[level, parameter].get(method)
            raise not_offered(f"The operation {named}") if named else _not_allowed(method)
    if (level, method) == ("bucket", "POST"):
        raise not_offered("The upload of an object by an HTML form (PostObject)")
    operation = _BY_METHOD.get((level, method))
    if operation is None:
        raise _not_allowed(method)
    return _checked(operation, query, headers)


def _checked(operation: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    if operation == "ListObjectsV2" and query["list-type"] != "2":
        return "ListObjects"
    if "x-amz-copy-source" in headers:
        return {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(operation, operation)
    return operation


def _not_allowed(method: str) -> S3Error:
    return S3Error(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        details={"Method": method},
    )


@lru_cache(maxsize=1)
def _subresources() -> Mapping[tuple[Level, str], Mapping[str, str]]:
    """Return the operations of Amazon's S3 by level, parameter and method."""
    import botocore.session  # a while to import, and most requests need no look at the model

    model = botocore.session.Session().get_service_model("s3")
    found: dict[tuple[Level, str], dict[str, str]] = {}
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        level: Level = "key" if "{Key+}" in path else "bucket" if "{Bucket}" in path else "service"
        parameter = query.partition("&")[0].partition("=")[0]
        if parameter and parameter != "list-type":
            found.setdefault((level, parameter), {}).setdefault(http["method"], name)
    return found
