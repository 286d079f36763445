"""What goes wrong with experiments."""

from __future__ import annotations


class ExperimentsNotInstalled(Exception):
    """MLflow is not installed: pip install 'modelyard[mlflow]', and start the server again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class TrackingUnavailable(Exception):
    """The MLflow server does not answer: try again."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class TrackingRefused(Exception):
    """The MLflow server refused what it was asked; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
