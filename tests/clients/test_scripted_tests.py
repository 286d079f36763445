"""A stage's integration tests as a script, confined as jobs are, against a real endpoint."""

from __future__ import annotations

import uuid

from tests.clients.jobs import train
from tests.clients.test_orchestrator import await_state, post, realtime_body
from tests.data import breast_cancer
from tests.live import LiveServer

SCRIPT = """
import os, pathlib, urllib.error, urllib.request

def ask(url, token):
    request = urllib.request.Request(
        url,
        data=open("data/rows.csv", "rb").read(),
        headers={"Authorization": "Bearer " + token, "Content-Type": "text/csv"},
    )
    return urllib.request.urlopen(request).read().decode()

url, token = os.environ["MODELYARD_ENDPOINT_URL"], os.environ["MODELYARD_ENDPOINT_TOKEN"]
answers = [float(text) for text in ask(url, token).replace(",", "\\n").split()]
assert len(answers) == 3 and all(0 <= one <= 1 for one in answers), answers
try:
    ask(HOME_URL, token)
except urllib.error.HTTPError as error:
    assert error.code == 403, error.code
else:
    raise AssertionError("another door took the token")
try:
    seen = pathlib.Path(HOME).joinpath("credentials").read_bytes()
except OSError:
    pass
else:
    raise AssertionError("the server's credentials can be read")
print("three answers")
"""


def test_a_script_decides_on_a_stage_and_one_that_hangs_is_ended(server: LiveServer) -> None:
    folder = f"scripted-{uuid.uuid4().hex[:8]}"
    artifact = str(train(server, folder)["ModelArtifacts"]["S3ModelArtifacts"])
    s3 = server.client("s3")
    elsewhere = f"{server.env['MODELYARD_URL']}/provisionpipeline"
    script = f"HOME, HOME_URL = {str(server.home)!r}, {elsewhere!r}\n{SCRIPT}"
    rows = "\n".join(breast_cancer().test_csv.splitlines()[:3])
    for name, content in (("smoke.py", script), ("rows.csv", rows)):
        s3.put_object(Bucket=server.bucket, Key=f"{folder}/{name}", Body=content.encode())
    body = {**realtime_body(server, folder, artifact), "integration_tests": folder}
    status, answer = post(server, "/provisionpipeline", body)
    assert status == 200, answer
    state = await_state(server, answer["pipeline_id"], seconds=180)
    deploy = state["stageStates"][-1]
    tested = deploy["actionStates"][-1]["latestExecution"]
    assert tested["status"] == "Succeeded", tested
    assert tested["summary"] == "Integration tests: 1 of 1 passed"
    s3.put_object(
        Bucket=server.bucket, Key=f"{folder}/smoke.py", Body=b"import time\ntime.sleep(3600)"
    )
    status, answer = post(
        server, "/provisionpipeline", {**body, "integration_tests_max_seconds": "5"}
    )
    assert status == 200, answer
    state = await_state(server, answer["pipeline_id"], seconds=180)
    tested = state["stageStates"][-1]["actionStates"][-1]["latestExecution"]
    assert tested["status"] == "Failed"
    assert "smoke.py: did not end, and was ended" in tested["errorDetails"]["message"]
