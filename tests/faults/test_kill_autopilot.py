"""SIGKILL while an Autopilot job searches: after a restart it ends, and repeats no candidate."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients.autopilot_jobs import autopilot_request, await_autopilot, candidates_of
from tests.faults.test_kill import assert_whole, await_gone
from tests.live import LiveServer


def completed(server: LiveServer) -> dict[str, Any]:
    """Return when each finished candidate had ended, by name."""
    return {
        one["CandidateName"]: one["EndTime"]
        for one in candidates_of(server, "killed", StatusEquals="Completed")
    }


@pytest.mark.slow
@pytest.mark.timeout(900)  # a busy machine learns slowly
def test_a_search_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = LiveServer(home).start()
    request = autopilot_request(first, "killed", MaxCandidates=12)
    first.client("sagemaker").create_auto_ml_job(**request)
    deadline = time.monotonic() + 180
    while len(completed(first)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = completed(first)
    family = first.family()
    first.kill()
    await_gone(family)
    again = LiveServer(home).start()
    try:
        job = await_autopilot(again, "killed")
        assert job["AutoMLJobStatus"] == "Completed", job
        after = completed(again)
        assert len(candidates_of(again, "killed")) == 12
        # What had ended is as it was, down to the moment at which it did.
        assert {name: after[name] for name in before} == before
        jobs = again.client("sagemaker").list_training_jobs(NameContains="killed-")
        assert len(jobs["TrainingJobSummaries"]) == 1
        [best] = job["BestCandidate"]["InferenceContainers"]
        bucket, _, key = best["ModelDataUrl"].removeprefix("s3://").partition("/")
        assert again.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    finally:
        assert again.stop() == 0, again.log.read_text()
    [log] = [path.read_text() for path in (home / "logs").rglob("*algo*")]
    assert "candidates were finished before the job was run again" in log
    assert_whole(home)
