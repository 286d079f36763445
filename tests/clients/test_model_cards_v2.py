"""Model cards through the sagemaker SDK v2, unmodified, in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.jobs import train
from tests.clients.test_model_cards import fetched
from tests.clients.test_sagemaker_v2 import PYTHON
from tests.governance.cards.paper.printed import text_of
from tests.live import LiveServer, clean_environment

SCRIPT = Path(__file__).with_name("model_cards_v2_script.py")


@pytest.mark.slow
def test_a_card_is_created_loaded_updated_exported_and_deleted(
    server: LiveServer, tmp_path: Path
) -> None:
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail("CI must have the SDK's environment: make sagemaker-v2")
        pytest.skip("the SDK v2 has an environment of its own: make sagemaker-v2")
    job = train(server, "carded-by-sdk")
    ran = subprocess.run(
        [PYTHON, SCRIPT, "carded-by-sdk", "sdk"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**clean_environment(), **server.env, "HOME": str(tmp_path)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["arn"] == "arn:aws:sagemaker:us-east-1:123456789012:model-card/sdk-card"
    # A change of the content is a version, one of the status is none.
    assert (said["version"], said["status"]) == (2, "PendingReview")
    assert said["versions"] == [2, 1]
    assert said["caveats"] == "Handle with care."
    assert not said["first_has_caveats"]
    assert said["unchanged"] == {}
    assert said["curve"] == [[0, 0], [0.1, 0.8], [1, 1]]
    metric = job["FinalMetricDataList"][0]
    assert said["metric"] == [metric["MetricName"], metric["Value"]]
    assert said["exports"] == ["Completed"]
    assert said["missing"] is not None
    assert "Training job details could not be found" in said["missing"]
    printed = text_of(fetched(server, said["uri"]))
    assert "0.91234" in printed
    assert format(metric["Value"], ".6g") in printed
