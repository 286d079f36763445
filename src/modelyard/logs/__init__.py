"""Reading the logs of jobs and endpoints, as CloudWatch Logs is read."""
