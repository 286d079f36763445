"""How configurations come in: announced ahead of a push or an upload, settled behind it.

Whoever takes in says `expect_…` before anything is written and `settle` when it is over, also when
it failed. At the start of a server `recover` settles what a crash left on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from modelyard.operations.context import Context
from modelyard.orchestrator.gitops import configurations as rows
from modelyard.orchestrator.gitops.files import FILE_NAME, MAX_BYTES
from modelyard.orchestrator.gitops.repository import (
    NO_COMMIT,
    FileTooLarge,
    GitFailed,
    Repository,
)
from modelyard.store.errors import (
    KeyUnusable,
    NoSuchBucket,
    NoSuchKey,
    ObjectTooLarge,
    StoreError,
)
from modelyard.store.objects import Objects
from modelyard.store.resources import Resource, Store
from modelyard.store.s3_uris import S3Uri
from modelyard.workflows.starter import WorkflowStarter

log = structlog.get_logger(__name__)

RESULTS = "mlops-config-results/"


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A file that arrived, or why it cannot be read."""

    content: str = ""
    problem: str = ""


class Intake:
    """Takes configurations in. Its methods block: call them in a thread.

    Args:
        account: whose repository and bucket they come from.
        objects_of: gives a caller's objects.
        repository: the configuration repository, if there is one.
        bucket: the configuration bucket; "" is none.
    """

    def __init__(
        self,
        store: Store,
        workflows: WorkflowStarter,
        account: str,
        objects_of: Callable[[Context], Objects],
        *,
        repository: Repository | None = None,
        bucket: str = "",
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._account = account
        self._objects_of = objects_of
        self.repository = repository
        self._bucket = bucket

    def expect_commit(self, context: Context, repository: Repository, commit: str) -> str:
        """Write down that a push is to bring the branch `main` to a commit; return the row's ARN.

        One push at a time: the branch stays as it is until this one writes.

        Raises:
            StoreError: it cannot be written down: then nothing may be pushed.
            GitFailed: the repository cannot be read.
        """
        name, before = repository.name, repository.tip() or NO_COMMIT
        with self._store.write() as transaction:
            return rows.expect_commit(transaction, context, name, commit, before).arn

    def watches(self, account: str, bucket: str, key: str) -> bool:
        """Return whether an object is a configuration: named as the file, or beginning so."""
        return (
            bool(self._bucket)
            and (account, bucket) == (self._account, self._bucket)
            and (key.startswith(FILE_NAME) or key.endswith(f"/{FILE_NAME}"))
            and not key.startswith(RESULTS)
        )

    def expect_object(self, context: Context, bucket: str, key: str) -> str:
        """Write down that an object is being written; return the row's ARN.

        Raises:
            StoreError: it cannot be written down: then nothing may be uploaded.
        """
        before = self._version(context, S3Uri(bucket, key))
        with self._store.write() as transaction:
            return rows.expect_object(transaction, context, bucket, key, before).arn

    def settle(self, arn: str, *, done: bool | None = None) -> str | None:
        """Have what arrived provisioned, forget what did not; return the row's status by now.

        Args:
            done: whether an object was written; None: nobody knows.

        Raises:
            StoreError, GitFailed: it cannot be told: `recover` will.
        """
        with self._store.read() as snapshot:
            row = snapshot.find_by_arn(arn)
        if row is None or row.status != rows.RECEIVING:
            return None if row is None else row.status
        found = None if done is False else self._found(row)
        with self._store.write() as transaction:
            current = transaction.get_by_arn(arn)
            if current.revision != row.revision:
                return current.status
            if found is None:
                transaction.delete(current)
                return None
            rows.arrived(transaction, current, found.content, found.problem)
            self._workflows.start(transaction, rows.WORKFLOW, arn)
        return rows.PENDING

    def recover(self) -> None:
        """Settle all that was on its way when the server ended."""
        with self._store.read() as snapshot:
            left = list(snapshot.with_status(rows.KIND, rows.RECEIVING))
        for row in left:
            try:
                self.settle(row.arn)
            except (StoreError, GitFailed) as error:
                log.warning("configuration not settled", resource=row.arn, reason=str(error))

    def _found(self, row: Resource) -> _Found | None:
        """Return the file that is to be provisioned, or None where none is."""
        try:
            data = self._committed(row) if row.spec["source"] == "git" else self._uploaded(row)
        except (FileTooLarge, ObjectTooLarge, KeyUnusable) as error:
            return _Found(problem=f"{FILE_NAME} cannot be read: {error}")
        return None if data is None else _Found(content=_text(data))

    def _uploaded(self, row: Resource) -> bytes | None:
        context, uri = rows.context_of(row), S3Uri(row.spec["bucket"], row.spec["key"])
        if self._version(context, uri) in ("", row.spec["before"]):
            return None
        try:
            return self._objects_of(context).get(uri, max_bytes=MAX_BYTES)
        except (NoSuchBucket, NoSuchKey):
            return None

    def _committed(self, row: Resource) -> bytes | None:
        """Return the file of a commit that is in the branch, if it is another one than before.

        What did not succeed before is tried again by any commit.
        """
        repository, commit, before = self.repository, row.spec["commit"], row.spec["before"]
        if repository is None or repository.name != row.spec["repository"]:
            return None
        if not repository.gained(commit, before) or not repository.has(commit, FILE_NAME):
            return None
        if repository.same(before, commit, FILE_NAME):
            with self._store.read() as snapshot:
                last = rows.newest_of(snapshot, row)
            if last is not None and last.status == rows.SUCCEEDED:
                return None
        return repository.file(commit, FILE_NAME, max_bytes=MAX_BYTES)

    def _version(self, context: Context, uri: S3Uri) -> str:
        try:
            return self._objects_of(context).head(uri).version
        except (NoSuchBucket, NoSuchKey, ValueError):
            return ""


def _text(data: bytes) -> str:
    """Return a file as a row can keep it; what is no text becomes what is no JSON either."""
    return data.decode("utf-8-sig", errors="replace").replace("\0", "\ufffd")
