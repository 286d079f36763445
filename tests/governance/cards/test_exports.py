"""A card's way onto paper: the jobs."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelyard.operations.errors import (
    AccessDenied,
    Conflict,
    ResourceNotFound,
    ValidationError,
)
from modelyard.store.objects import S3Uri
from tests.governance.cards.paper.printed import text_of
from tests.governance.cards.world import ACCOUNT, CARD_ARN, World, caller

TARGET = S3Uri("assets", "exports/job/card-v1.pdf")


def pdf(world: World, uri: S3Uri = TARGET) -> bytes:
    return world.objects.of(ACCOUNT).get(uri)


def test_an_export_ends_with_a_pdf_below_its_own_name(world: World, tmp_path: Path) -> None:
    world.create()
    arn = world.export()
    assert arn == f"{CARD_ARN}/export-job/job"
    running = world.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    assert running["Status"] == "InProgress"
    assert "ExportArtifacts" not in running
    world.run_exports()
    job = world.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    assert job["Status"] == "Completed"
    assert job["ExportArtifacts"] == {"S3ExportArtifacts": str(TARGET)}
    assert (job["ModelCardName"], job["ModelCardVersion"]) == ("card", 1)
    assert "Keep customers." in text_of(pdf(world))


def test_a_named_version_is_printed_and_not_the_newest(world: World) -> None:
    world.create()
    world.update({"intended_uses": {"purpose_of_model": "Something else."}})
    world.export(ModelCardVersion=1)
    world.run_exports()
    assert "Keep customers." in text_of(pdf(world))
    assert "1 of 2" in text_of(pdf(world))


def test_the_history_says_who_approved(world: World) -> None:
    world.create()
    world.set_status("Approved", by=caller("grace"))
    world.export()
    world.run_exports()
    printed = text_of(pdf(world))
    assert "Draft → Approved" in printed
    assert "user/grace" in printed
    assert "Version 1, which this document prints, is approved." in printed


def test_an_archived_card_can_still_be_exported(world: World) -> None:
    world.create()
    world.set_status("Archived")
    world.export()
    world.run_exports()
    assert "Archived" in text_of(pdf(world))


def test_an_export_that_runs_again_changes_nothing(world: World) -> None:
    world.create()
    arn = world.export()
    asyncio.run(world.workflow.run(arn))
    first = world.objects.of(ACCOUNT).head(TARGET)
    asyncio.run(world.workflow.run(arn))
    assert world.objects.of(ACCOUNT).head(TARGET) == first


def test_an_export_that_was_interrupted_ahead_of_its_end_prints_the_same_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create()
    arn = world.export()

    class PowerCut(BaseException):
        pass

    def end(*_arguments: object, **_observed: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(world.workflow, "_end", end)
        with pytest.raises(PowerCut):
            asyncio.run(world.workflow.run(arn))
    first = pdf(world)
    asyncio.run(world.workflow.run(arn))
    assert pdf(world) == first
    job = world.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    assert job["Status"] == "Completed"


def test_a_bucket_that_went_away_fails_the_export_and_says_so(world: World) -> None:
    world.create()
    world.objects.of(ACCOUNT).create_bucket("short-lived")
    arn = world.call(
        "CreateModelCardExportJob",
        ModelCardName="card",
        ModelCardExportJobName="job",
        OutputConfig={"S3OutputPath": "s3://short-lived"},
    )["ModelCardExportJobArn"]
    world.objects.of(ACCOUNT).delete_bucket("short-lived")
    world.run_exports()
    job = world.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    assert job["Status"] == "Failed"
    assert "short-lived" in job["FailureReason"]


def test_a_place_that_cannot_be_written_to_is_refused_ahead_of_all(world: World) -> None:
    world.create()
    for path, reason in (
        ("s3://no-such-bucket/x", "there is no bucket 'no-such-bucket'"),
        ("s3://assets/../x", "'..'"),
    ):
        with pytest.raises(ValidationError, match=reason):
            world.call(
                "CreateModelCardExportJob",
                ModelCardName="card",
                ModelCardExportJobName="job",
                OutputConfig={"S3OutputPath": path},
            )
    assert world.workflows.started == []


def test_whoever_may_not_write_there_cannot_have_it_written(world: World) -> None:
    world.create()
    world.policy.denied.add("s3:PutObject")
    with pytest.raises(AccessDenied, match="s3:PutObject"):
        world.export()
    assert world.workflows.started == []


def test_a_jobs_name_is_taken_once_per_card(world: World) -> None:
    world.create()
    world.create("other")
    world.export()
    world.export(name="other")
    with pytest.raises(Conflict, match="'job' of card 'card' already exists"):
        world.export()


def test_jobs_are_listed_for_their_card(world: World) -> None:
    world.create()
    world.create("a-card")
    world.export("first")
    world.export("second")
    world.export("first", "a-card")
    world.run_exports()

    def names(**request: Any) -> list[str]:
        answer = world.call("ListModelCardExportJobs", ModelCardName="card", **request)
        return [job["ModelCardExportJobName"] for job in answer["ModelCardExportJobSummaries"]]

    assert names(SortBy="Name", SortOrder="Ascending") == ["first", "second"]
    assert names(ModelCardExportJobNameContains="sec") == ["second"]
    assert names(ModelCardExportJobNameContains="card") == []
    assert names(StatusEquals="Failed") == []
    assert names(ModelCardVersion=2) == []


def test_a_card_that_is_being_exported_stays_until_that_has_ended(world: World) -> None:
    world.create()
    arn = world.export()
    with pytest.raises(Conflict, match="is being exported by job"):
        world.call("DeleteModelCard", ModelCardName="card")
    world.run_exports()
    world.call("DeleteModelCard", ModelCardName="card")
    with pytest.raises(ResourceNotFound):
        world.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)
    asyncio.run(world.workflow.run(arn))  # a run that comes too late finds nothing to do


def test_a_job_that_does_not_exist_is_not_found(world: World) -> None:
    world.create()
    for arn in (f"{CARD_ARN}/export-job/none", CARD_ARN + "x/export-job/job"):
        with pytest.raises(ResourceNotFound, match="Could not find model card export job"):
            world.call("DescribeModelCardExportJob", ModelCardExportJobArn=arn)


def test_poppler_takes_the_file_as_a_sound_pdf(world: World, tmp_path: Path) -> None:
    world.create()
    world.export()
    world.run_exports()
    file = tmp_path / "card.pdf"
    file.write_bytes(pdf(world))
    try:
        said = subprocess.run(["pdfinfo", file], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs pdfinfo (Debian: apt-get install poppler-utils)")
    assert said.returncode == 0
    assert said.stderr == ""
    assert "Model card card, version 1" in said.stdout
