"""Configurations over toy capabilities: what is kept, what is provisioned, over crashes too."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelyard.operations.context import Context
from modelyard.operations.errors import AccessDenied
from modelyard.orchestrator.gitops import configurations as rows
from modelyard.orchestrator.gitops.execution import ConfigurationRunner
from modelyard.orchestrator.gitops.files import MAX_BYTES
from modelyard.orchestrator.gitops.intake import Intake
from modelyard.orchestrator.gitops.operations import ConfigurationOperations
from modelyard.orchestrator.gitops.repository import Repository, git_environment, git_program
from modelyard.store.resources import Resource, Store
from modelyard.store.s3_uris import S3Uri
from tests.orchestrator.platform import Platform, realtime
from tests.orchestrator.world import ACCOUNT, caller, new_store

BUCKET = "configurations"
DANA = caller("user/dana")


class Yard(Platform):
    """A platform with a repository and a bucket of configurations."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        program = git_program()
        assert program is not None
        self.repository = Repository(program, folder / "repositories", "mlops-config")
        self.repository.establish()
        self.objects.of(ACCOUNT).create_bucket(BUCKET)
        self.refused: Exception | None = None
        self.asked: list[Context] = []
        self.intake = Intake(
            store,
            self.queue,
            ACCOUNT,
            lambda context: self.objects.of(context.account),
            repository=self.repository,
            bucket=BUCKET,
        )
        self.runner = ConfigurationRunner(store, self.provisioned, self.write)
        self.queue.functions[rows.WORKFLOW] = self.runner.run
        self.table.add(ConfigurationOperations(store))

    def provisioned(self, context: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(context)
        if self.refused is not None:
            raise self.refused
        return self.service.provision(context, body)

    def write(self, account: str, bucket: str, key: str, data: bytes) -> None:
        self.objects.of(account).put_bytes(S3Uri(bucket, key), data)

    def commit(self, content: Any, name: str = "mlops-config.json") -> str:
        """Commit a file to `main`, as a push does that git has taken, and return the commit."""
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        blob = self.git("hash-object", "-w", "--stdin", data=text)
        tree = self.git("mktree", data=f"100644 blob {blob}\t{name}\n".encode())
        tip = self.repository.tip()
        parent = () if tip is None else ("-p", tip)
        return self.git("commit-tree", tree, *parent, "-m", f"{len(text)} {tip}")

    def advance(self, commit: str) -> None:
        self.git("update-ref", "refs/heads/main", commit)

    def git(self, *arguments: str, data: bytes = b"") -> str:
        who = {"NAME": "Dana", "EMAIL": "dana@example.org", "DATE": "2026-01-01T00:00:00Z"}
        done = subprocess.run(
            [self.repository.program, *arguments],
            cwd=self.repository.path,
            env={
                **git_environment(),
                "GIT_DIR": ".",
                **{
                    f"GIT_{role}_{key}": text
                    for role in ("AUTHOR", "COMMITTER")
                    for key, text in who.items()
                },
            },
            input=data,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    async def push(self, content: Any, name: str = "mlops-config.json") -> Resource | None:
        """Take a commit in, as the door does, and carry out what follows."""
        commit = self.commit(content, name)
        arn = self.intake.expect_commit(DANA, self.repository, commit)
        self.advance(commit)
        self.intake.settle(arn)
        await self.run()
        return self.found(arn)

    def found(self, arn: str) -> Resource | None:
        with self.store.read() as snapshot:
            return snapshot.find_by_arn(arn)

    def row(self, arn: str) -> Resource:
        found = self.found(arn)
        assert found is not None
        return found


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with new_store() as store:
        made = Yard(store, tmp_path)
        made.upload("models/model.tar.gz")
        yield made


def statuses(row: Resource | None) -> list[str]:
    assert row is not None
    return [outcome.status for outcome in rows.outcomes_in(row)]


async def test_each_body_is_provisioned_as_who_pushed_and_one_holds_up_no_other(yard: Yard) -> None:
    row = await yard.push([realtime(model_name="a"), {"model_name": "b"}, realtime(model_name="c")])
    assert row is not None
    assert row.status == rows.FAILED
    assert statuses(row) == ["Succeeded", "Failed", "Succeeded"]
    assert {context.principal.arn for context in yard.asked} == {DANA.principal.arn}
    outcomes = rows.outcomes_in(row)
    assert outcomes[1].problems[0].startswith("Bad request format. Pipeline type not supported.")
    described = yard.table.call(
        DANA, "modelyard", "DescribeConfiguration", {"ConfigurationId": row.name}
    )
    assert described["State"] == "failure"
    assert [entry["PipelineStatus"] for entry in described["Entries"]] == [
        "Succeeded",
        "",
        "Succeeded",
    ]


async def test_who_may_not_provision_is_told_so_in_the_commits_status(yard: Yard) -> None:
    yard.refused = AccessDenied("user/dana is not authorized")
    row = await yard.push(realtime())
    assert row is not None
    assert row.status == rows.FAILED
    assert rows.outcomes_in(row)[0].problems == ("user/dana is not authorized",)


async def test_what_nobody_foresaw_is_told_without_its_details(yard: Yard) -> None:
    yard.refused = RuntimeError("a secret detail")
    row = await yard.push(realtime())
    assert row is not None
    said = str(row.observed)
    assert "an internal error" in said
    assert "secret" not in said


async def test_an_unchanged_body_is_left_alone_until_its_pipeline_is_gone(yard: Yard) -> None:
    await yard.push([realtime(model_name="a")])
    row = await yard.push([realtime(model_name="a"), realtime(model_name="b")])
    assert statuses(row) == ["Unchanged", "Succeeded"]
    name = "mlops-pipeline-a-byompipelinerealtimebuiltin"
    yard.service.delete(caller(), {"pipeline_name": name})
    await yard.run()
    row = await yard.push(
        [realtime(model_name="a"), realtime(model_name="b"), realtime(model_name="c")]
    )
    assert statuses(row) == ["Succeeded", "Unchanged", "Succeeded"]


async def test_a_commit_that_leaves_the_file_as_it_is_is_not_looked_at(yard: Yard) -> None:
    assert await yard.push(b"notes", name="README.md") is None
    assert await yard.push(realtime()) is not None
    assert await yard.push(realtime()) is None


async def test_a_push_that_git_refuses_is_forgotten(yard: Yard) -> None:
    commit = yard.commit(realtime())
    arn = yard.intake.expect_commit(DANA, yard.repository, commit)
    assert yard.intake.settle(arn) is None
    assert yard.found(arn) is None
    assert yard.asked == []


async def test_naming_an_old_commit_in_a_push_provisions_nothing_again(yard: Yard) -> None:
    first = await yard.push(realtime(model_name="a"))
    assert first is not None
    old = first.spec["commit"]
    await yard.push(realtime(model_name="b"))
    asked = len(yard.asked)
    arn = yard.intake.expect_commit(caller("user/mallory"), yard.repository, old)
    yard.intake.settle(arn)
    await yard.run()
    assert len(yard.asked) == asked
    assert yard.row(arn).spec["principal"]["arn"] == DANA.principal.arn


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_crash_behind_a_push_provisions_what_arrived_and_nothing_else(
    yard: Yard, arrived: bool
) -> None:
    commit = yard.commit(realtime())
    arn = yard.intake.expect_commit(DANA, yard.repository, commit)
    if arrived:
        yard.advance(commit)
    yard.intake.recover()  # at the next start
    await yard.run()
    assert [context.principal.arn for context in yard.asked] == [DANA.principal.arn] * arrived
    assert (yard.found(arn) is not None) == arrived


async def test_a_workflow_that_begins_again_goes_on_behind_the_last_outcome(yard: Yard) -> None:
    commit = yard.commit([realtime(model_name="a"), realtime(model_name="b")])
    arn = yard.intake.expect_commit(DANA, yard.repository, commit)
    yard.advance(commit)
    yard.intake.settle(arn)
    begun: list[str] = []

    class Killed(BaseException):
        pass

    def provision(context: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        begun.append(body["model_name"])
        answer = yard.service.provision(context, body)
        if len(begun) == 2:
            raise Killed  # with the pipeline there, and its outcome not written down
        return answer

    runner = ConfigurationRunner(yard.store, provision, yard.write)
    with pytest.raises(Killed):
        await runner.run(arn)
    await runner.run(arn)
    assert yard.row(arn).status == rows.SUCCEEDED
    assert begun == ["a", "b", "b"]  # at least once, and the first one not again


async def test_the_newer_of_two_files_has_the_last_word(yard: Yard) -> None:
    arns = []
    for capacity in ("ml.m5.large", "ml.m5.xlarge"):
        commit = yard.commit(realtime(inference_instance=capacity))
        arns.append(yard.intake.expect_commit(DANA, yard.repository, commit))
        yard.advance(commit)
        yard.intake.settle(arns[-1])
    begun: list[str] = []

    def provision(_context: Context, body: Mapping[str, Any]) -> Mapping[str, Any]:
        begun.append(body["inference_instance"])
        return {"message": "taken"}

    runner = ConfigurationRunner(yard.store, provision, yard.write)
    await asyncio.gather(*(runner.run(arn) for arn in reversed(arns)))
    assert begun == ["ml.m5.large", "ml.m5.xlarge"]


async def test_an_object_is_provisioned_as_who_wrote_it(yard: Yard) -> None:
    assert yard.intake.watches(ACCOUNT, BUCKET, "mlops-config.json")
    uri = S3Uri(BUCKET, "mlops-config.json")
    arn = yard.intake.expect_object(DANA, BUCKET, uri.key)
    yard.objects.of(ACCOUNT).put_bytes(uri, json.dumps(realtime()).encode())
    assert yard.intake.settle(arn, done=True) == rows.PENDING
    await yard.run()
    assert yard.row(arn).status == rows.SUCCEEDED
    result = json.loads(
        yard.objects.of(ACCOUNT).get(S3Uri(BUCKET, "mlops-config-results/mlops-config.json.json"))
    )
    assert result["State"] == "success"
    assert result["By"] == DANA.principal.arn


async def test_an_upload_that_failed_is_forgotten(yard: Yard) -> None:
    arn = yard.intake.expect_object(DANA, BUCKET, "mlops-config.json")
    assert yard.intake.settle(arn, done=False) is None
    assert yard.found(arn) is None


async def test_a_file_that_is_too_large_is_told_and_not_kept(yard: Yard) -> None:
    row = await yard.push(b" " * (MAX_BYTES + 1))
    assert row is not None
    assert row.status == rows.FAILED
    assert "may have" in row.observed["problems"][0]
    assert row.spec["content"] == ""


@pytest.mark.parametrize(
    ("account", "bucket", "key"),
    [
        ("999999999999", BUCKET, "mlops-config.json"),
        (ACCOUNT, "assets", "mlops-config.json"),
        (ACCOUNT, BUCKET, "other.json"),
        (ACCOUNT, BUCKET, "team/mlops-config.json.bak"),
        (ACCOUNT, BUCKET, "mlops-config-results/x/mlops-config.json"),
    ],
)
def test_other_objects_are_only_kept(yard: Yard, account: str, bucket: str, key: str) -> None:
    assert not yard.intake.watches(account, bucket, key)
