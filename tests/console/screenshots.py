"""The pictures in the documentation: `make screenshots` takes them of a server with real work."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.clients.monitors import await_execution, baseline, data_quality, now, send
from tests.clients.tuning_jobs import await_tuning, tuning_request
from tests.console.browser import Visitor, running
from tests.console.world import ENDPOINT, GROUP, JOB, World, build
from tests.data import breast_cancer
from tests.live import LiveServer

#: (file, page, color scheme, width)
PICTURES = (
    ("home", "/console", "light", 1400),
    ("training-job", f"/console/training-jobs/{JOB}", "light", 1400),
    ("tuning-job", "/console/tuning-jobs/search", "light", 1400),
    ("review", f"/console/approvals/{GROUP}/2", "light", 1400),
    ("versions", f"/console/model-comparison/{GROUP}?left=1&right=2", "light", 1400),
    ("endpoint", f"/console/endpoints/{ENDPOINT}", "light", 1400),
    ("dashboard", "/console/dashboard", "light", 1400),
    ("monitor-dark", "/console/monitors/drift", "dark", 1400),
    ("delivery-dark", "/console/deliveries/{delivery}", "dark", 1400),
    ("review-narrow", f"/console/approvals/{GROUP}/2", "light", 400),
)


def prepare(server: LiveServer) -> World:
    """Have everything there that the pictures show."""
    world = build(server, second="Benign from 0.5 on")
    sagemaker = server.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request(server, "search"))
    # What the endpoint is asked from now on is not what it was trained on.
    rows = []
    for row in breast_cancer().test_csv.splitlines()[:40]:
        values = row.split(",")
        rows.append(",".join([str(float(values[0]) * 1.8), *values[1:]]))
    send(server, ENDPOINT, rows)
    folder = baseline(server, "baseline")
    definition = data_quality(server, "drift", endpoint=ENDPOINT, baseline=folder)
    sagemaker.create_data_quality_job_definition(**definition)
    sagemaker.create_monitoring_schedule(
        MonitoringScheduleName="drift", MonitoringScheduleConfig=now("drift")
    )
    await_execution(server, "drift")
    await_tuning(server, "search")
    return world


def take(world: World, folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with running() as browser:
        for name, path, scheme, width in PICTURES:
            visitor = Visitor(
                browser,
                world.url,
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
            )
            visitor.sign_in(world.officer.exports)
            visitor.visit(path.format(delivery=world.delivery))
            visitor.page.screenshot(path=str(folder / f"console-{name}.png"))
            visitor.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = LiveServer(Path(folder) / "home", options=["--multi-account"]).start()
        try:
            take(prepare(server), Path(sys.argv[1]))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
