"""What can be asked of a job's metrics: their points, step by step."""

from __future__ import annotations

from modelyard import clock
from modelyard.jobs.metric_series import MetricSeries
from modelyard.operations.context import Context
from modelyard.operations.errors import ResourceNotFound
from modelyard.operations.requests import scope_of
from modelyard.operations.table import Request, Response, operation
from modelyard.operations.targets import given
from modelyard.store.errors import NotFound
from modelyard.store.resources import Store


class JobMetricOperations:
    """DescribeJobMetrics, of the jobs of the caller's account and region."""

    def __init__(self, store: Store, series: MetricSeries) -> None:
        self._store = store
        self._series = series

    @operation("modelyard", "DescribeJobMetrics", on=given("JobArn"))
    def describe_job_metrics(self, context: Context, request: Request) -> Response:
        """Answer the points of each metric that a job's log told, in the order of their steps.

        A job that runs is read as far as it has come.
        """
        arn = request["JobArn"]
        with self._store.read() as snapshot:
            try:
                job = snapshot.get_by_arn(arn)
            except NotFound as error:
                raise ResourceNotFound(f"there is no job {arn}") from error
        if job.scope != scope_of(context):
            raise ResourceNotFound(f"there is no job {arn} in this account and region")
        return {
            "JobArn": arn,
            "Metrics": [
                {
                    "Name": name,
                    "Points": [
                        {
                            "Step": point.step,
                            "Time": clock.from_micros(point.at),
                            "Value": point.value,
                        }
                        for point in points
                    ],
                }
                for name, points in sorted(self._series.of(job).items())
            ],
        }
