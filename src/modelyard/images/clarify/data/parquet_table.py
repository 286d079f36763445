"""Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from modelyard.images.clarify.config.sections import AnalysisConfig
from modelyard.images.processing.errors import ClientError


def read(path: Path, config: AnalysisConfig) -> pl.DataFrame:
    """Read a file; `headers`, if given, rename its columns by their order.

    Raises:
        ClientError: it is no Parquet, or has another number of columns than there are headers.
    """
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ClientError(f"{path.name} is no Parquet: {str(error).splitlines()[0]}") from error
    if config.headers is None:
        return frame
    if len(config.headers) != frame.width:
        raise ClientError(
            f"{path.name} has {frame.width} columns, and the configuration names "
            f"{len(config.headers)} headers: {', '.join(config.headers)}"
        )
    return frame.rename(dict(zip(frame.columns, config.headers, strict=True)))
