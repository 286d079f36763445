"""What XGBoost's errors mean to the job's owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from modelyard.images.training import log
from modelyard.images.training.errors import AlgorithmError, ClientError
from modelyard.images.training.stopping import StopRequest
from modelyard.images.xgboost import library

_THEIRS = (  # what XGBoost says of data and hyperparameters that only it can judge
    "label must be",
    "labels",
    "base_score must be",
    "Check failed: preds.",
    "only contains pos or neg samples",
    "monotone constraint",
)
_CONNECTION = "src/collective/"  # where the error comes from
_GRACE_SECONDS = 2.0


@contextmanager
def explained(stop: StopRequest) -> Iterator[None]:
    """Turn XGBoost's errors into ours, within the block.

    Raises:
        ClientError: XGBoost refuses the data.
        AlgorithmError: it fails, or has lost another host.
    """
    try:
        yield
    except library.load().core.XGBoostError as error:
        text = re.sub(r"\s*Stack trace:.*", "", str(error), flags=re.DOTALL).strip()
        log.error(" ".join(text.split()))
        if _CONNECTION in text:
            # The hosts of a job that is stopped before its first round end one by one.
            stop.wait(_GRACE_SECONDS)
            raise AlgorithmError(
                "the connection to another host of the job broke: its log tells why"
            ) from error
        message = re.sub(r"^\[[\d:]+\] \S+: (Check failed: \w+: )?", "", text).splitlines()[0]
        if any(word in text for word in _THEIRS):
            raise ClientError(f"XGBoost refuses the data: {message}") from error
        raise AlgorithmError(f"XGBoost failed: {message}") from error
