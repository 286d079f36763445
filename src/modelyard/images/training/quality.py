"""Quality metrics in the log of AWS's own algorithms, and the expressions that find them there.

`#quality_metric: host=algo-1, validation mse <loss>=0.25`. This module imports nothing but the
log, so that the control plane can use it.
"""

from __future__ import annotations

from typing import Literal

from modelyard.images.training import log

Kind = Literal["score", "loss"]  # more is better, less is better
_NUMBER = r"(\S+)"


def write(host: str, channel: str, name: str, kind: Kind, value: float) -> None:
    """Log a metric of the finished model."""
    log.line(f"#quality_metric: host={host}, {channel} {name} <{kind}>={value:.10g}")


def write_epoch(host: str, epoch: int, channel: str, name: str, value: float) -> None:
    """Log a loss of the model as it is after an epoch, counted from 0."""
    log.line(f"#quality_metric: host={host}, epoch={epoch}, {channel} {name} <loss>={value:.10g}")


def definition(channel: str, metric: str, kind: Kind, name: str = "") -> tuple[str, str]:
    """Return (metric, regular expression) of what `write` logs.

    Args:
        metric: as tuning jobs call it, without the channel.
        name: an expression for how the log calls it, where that is another name.
    """
    pattern = rf"#quality_metric: host=\S+, {channel} {name or metric} <{kind}>={_NUMBER}"
    return f"{channel}:{metric}", pattern


def epoch_definition(channel: str, metric: str, name: str) -> tuple[str, str]:
    """Return (metric, regular expression) of what `write_epoch` logs."""
    pattern = rf"#quality_metric: host=\S+, epoch=\S+, {channel} {name} <loss>={_NUMBER}"
    return f"{channel}:{metric}", pattern
