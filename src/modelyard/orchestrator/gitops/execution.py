"""The workflow of a configuration: each of its bodies is provisioned, as who sent it.

Bodies are taken in the file's order, and each outcome is written down before the next one's turn.
One that is refused holds up no other. Of two files of one place the one that came first goes first,
so that the newer one has the last word. A body that says what it said when it last succeeded, and
whose pipeline is there, is left alone: so a list may grow without everything in it beginning anew.
A crash between provisioning and writing down provisions a body once more, at least once is once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from botocore.exceptions import ClientError

from modelyard.operations.context import Context
from modelyard.operations.errors import OperationError
from modelyard.orchestrator.errors import BadRequest
from modelyard.orchestrator.gitops import configurations as rows
from modelyard.orchestrator.gitops.configurations import Outcome
from modelyard.orchestrator.gitops.files import BadFile, Entry, read_file
from modelyard.orchestrator.gitops.intake import RESULTS
from modelyard.store.errors import StoreError
from modelyard.store.resources import Resource, Store

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 5.0
_POLL_SECONDS = 0.1

Provision = Callable[[Context, Mapping[str, Any]], Mapping[str, Any]]
#: Writes an object to a bucket of an account: account, bucket, key, content.
Write = Callable[[str, str, str, bytes], object]


class ConfigurationRunner:
    """Carries configurations out.

    Args:
        provision: `OrchestratorService.provision`.
        write: for results beside objects.
    """

    def __init__(self, store: Store, provision: Provision, write: Write) -> None:
        self._store = store
        self._provision = provision
        self._write = write

    async def run(self, arn: str) -> None:
        """Bring a configuration to its end: the workflow's function."""
        while True:
            pause = _POLL_SECONDS
            try:
                if not await asyncio.to_thread(self._has_older, arn):
                    await asyncio.to_thread(self._carry_out, arn)
                    return
            except StoreError as error:  # a full disk, a locked database: until it can be written
                log.error("configuration cannot be written", resource=arn, reason=str(error))
                pause = _RETRY_SECONDS
            await asyncio.sleep(pause)

    def _carry_out(self, arn: str) -> None:
        row = self._find(arn)
        if row is None or row.status != rows.PENDING:
            return
        try:
            if row.spec["problem"]:
                raise BadFile(row.spec["problem"])
            entries = read_file(row.spec["content"].encode())
        except BadFile as error:
            row = self._save(row, rows.FAILED, [], [str(error)])
        else:
            row = self._provision_all(row, entries)
        self._publish(row)

    def _provision_all(self, row: Resource, entries: list[Entry]) -> Resource:
        """Take the bodies that have not had their turn; return the row as it ended."""
        before = self._before(row)
        outcomes = rows.outcomes_in(row) or [Outcome.of(entry) for entry in entries]
        for at, entry in enumerate(entries):
            if outcomes[at].status != rows.PENDING:
                continue
            outcomes[at] = self._kept(before, outcomes[at]) or self._one(row, entry, outcomes[at])
            row = self._save(row, rows.PENDING, outcomes, [])
        failed = any(outcome.status == rows.FAILED for outcome in outcomes)
        return self._save(row, rows.FAILED if failed else rows.SUCCEEDED, outcomes, [])

    def _one(self, row: Resource, entry: Entry, outcome: Outcome) -> Outcome:
        try:
            answer = self._provision(rows.context_of(row), entry.body)
        except BadRequest as error:
            return outcome.failed(*error.problems)
        except OperationError as error:
            return outcome.failed(error.message)
        except ClientError as error:
            return outcome.failed(str(error))
        except StoreError:
            raise
        except Exception:
            log.exception("configuration failed", resource=row.arn, entry=entry.label)
            return outcome.failed(f"an internal error: the server's log has it under {row.arn}")
        message, id_ = str(answer["message"]), str(answer.get("pipeline_id", ""))
        return outcome.succeeded(rows.SUCCEEDED, message, id_)

    def _kept(self, before: Mapping[str, Outcome], outcome: Outcome) -> Outcome | None:
        """Return a body's outcome if it is as it was and its pipeline is there, else None."""
        last = before.get(outcome.digest)
        if last is None or not last.pipeline_id:
            return None
        with self._store.read() as snapshot:
            stack = snapshot.find_by_arn(last.pipeline_id)
        if stack is None or stack.status != "CREATE_COMPLETE":
            return None
        return outcome.succeeded(rows.UNCHANGED, "as it was: left alone", last.pipeline_id)

    def _before(self, row: Resource) -> dict[str, Outcome]:
        """Return by its digest what the last configuration of the same place made of each body."""
        with self._store.read() as snapshot:
            last = rows.newest_of(snapshot, row)
        good = (rows.SUCCEEDED, rows.UNCHANGED)
        found = [] if last is None else rows.outcomes_in(last)
        return {outcome.digest: outcome for outcome in found if outcome.status in good}

    def _save(
        self, row: Resource, status: str, outcomes: list[Outcome], problems: list[str]
    ) -> Resource:
        said = {"entries": [outcome.to_json() for outcome in outcomes], "problems": problems}
        with self._store.write() as transaction:
            return transaction.update(row, status=status, observed=said)

    def _publish(self, row: Resource) -> None:
        """Write what became of an object to an object beside it."""
        if row.spec["source"] != "s3":
            return
        key = f"{RESULTS}{row.spec['key']}.json"
        data = json.dumps(described(row), indent=2).encode()
        try:
            self._write(row.scope.account, row.spec["bucket"], key, data)
        except Exception as error:
            # The row has it in any case, and so has the event.
            log.warning("result not written", resource=row.arn, key=key, reason=str(error))

    def _has_older(self, arn: str) -> bool:
        """Return whether an earlier configuration of the same place is still at work."""
        with self._store.read() as snapshot:
            row = snapshot.find_by_arn(arn)
            if row is None:
                return False
            return any(
                rows.place_of(other) == rows.place_of(row)
                and other.scope.account == row.scope.account
                and (other.created_at, other.id) < (row.created_at, row.id)
                for other in snapshot.with_status(rows.KIND, rows.PENDING)
            )

    def _find(self, arn: str) -> Resource | None:
        with self._store.read() as snapshot:
            return snapshot.find_by_arn(arn)


#: By a configuration's status, the state of its commit, in the words of every Git service.
STATES: Mapping[str, str] = {
    rows.RECEIVING: "pending",
    rows.PENDING: "pending",
    rows.SUCCEEDED: "success",
    rows.FAILED: "failure",
}


def described(row: Resource) -> dict[str, Any]:
    """Return a configuration as clients see it."""
    spec = row.spec
    where = (
        {"RepositoryName": spec["repository"], "CommitId": spec["commit"]}
        if spec["source"] == "git"
        else {"Bucket": spec["bucket"], "Key": spec["key"]}
    )
    return {
        "ConfigurationId": row.name,
        "ConfigurationArn": row.arn,
        **where,
        "State": STATES[row.status],
        "By": rows.context_of(row).principal.person,
        "CreationTime": row.created_at.isoformat(),
        "LastModifiedTime": row.modified_at.isoformat(),
        "Problems": list(row.observed.get("problems", [])),
        "Entries": [
            {
                "Label": outcome.label,
                "Status": outcome.status,
                "Message": outcome.message,
                "PipelineId": outcome.pipeline_id,
                "Problems": list(outcome.problems),
            }
            for outcome in rows.outcomes_in(row)
        ],
    }


def lines(row: Resource) -> list[str]:
    """Return what became of a configuration, line by line, for people."""
    said = [f"{rows.source_of(row)}: {STATES[row.status]}"]
    said += [f"  {problem}" for problem in row.observed.get("problems", [])]
    for outcome in rows.outcomes_in(row):
        said.append(f"  {outcome.label}: {outcome.message or outcome.status}")
        said += [f"    {problem}" for problem in outcome.problems]
        if outcome.pipeline_id:
            said.append(f"    {outcome.pipeline_id}")
    return said
