"""What is wrong with a job's input."""


class DataError(Exception):
    """The job's input is not as the job says; the message is for its owner."""
