"""S3: the door that every S3 client finds on the main port."""

from modelyard.api.s3.authentication import Lookup
from modelyard.api.s3.door import S3Door
from modelyard.api.s3.signature_v2 import is_presigned_v2

__all__ = ["Lookup", "S3Door", "is_presigned_v2"]
