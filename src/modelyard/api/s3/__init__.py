"""S3: the door that every S3 client finds on the main port."""

from modelyard.api.s3.door import Lookup, S3Door

__all__ = ["Lookup", "S3Door"]
