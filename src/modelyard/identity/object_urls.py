"""URLs that open one object each, for a while: what those get who are to have no credentials."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from modelyard import clock
from modelyard.arns import role_arn
from modelyard.identity.credentials import new_access_key
from modelyard.identity.roles import DEFAULT_ROLE, MAX_SESSION_SECONDS
from modelyard.sealing import Session, seal_session
from modelyard.store.s3_uris import S3Uri


class ObjectUrls:
    """Signs URLs for S3's door, in the name of the role that an account's jobs run as.

    Each URL has a session of its own, whose secret nobody keeps: it signs nothing else.
    Safe to use from any thread.

    Args:
        endpoint: how whoever uses them reaches the server: a URL without a path.
    """

    def __init__(self, sealing_key: str, endpoint: str, region: str) -> None:
        self._sealing_key = sealing_key
        self._endpoint = endpoint
        self._region = region

    def sign(self, account: str, method: str, uri: S3Uri) -> str:
        """Return a URL for one method on one object, for twelve hours."""
        now = clock.now()
        key_id, secret = new_access_key(temporary=True)
        role = role_arn(account=account, name=DEFAULT_ROLE)
        session = Session(
            access_key_id=key_id,
            secret=secret,
            account=account,
            role_arn=role,
            session_name="modelyard-exchange",
            expires_at=now + timedelta(seconds=MAX_SESSION_SECONDS),
            issued_at=now,
            chain=(role,),
        )
        request = AWSRequest(method, f"{self._endpoint}/{uri.bucket}/{quote(uri.key)}")
        credentials = Credentials(key_id, secret, seal_session(session, self._sealing_key))
        S3SigV4QueryAuth(credentials, "s3", self._region, expires=MAX_SESSION_SECONDS).add_auth(
            request
        )
        return str(request.url)
