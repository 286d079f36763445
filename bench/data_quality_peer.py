"""A peer's side of the data quality bench, run in the peer's own environment.

Arguments: whylogs or tfdv, and a CSV file. Prints nothing; the time of the process is measured.
"""

from __future__ import annotations

import sys


def whylogs(path: str) -> None:
    import pandas as pd
    import whylogs as why

    # Its own way for files that are larger than memory may be: frame by frame, merged.
    profile = None
    for frame in pd.read_csv(path, chunksize=200_000):
        view = why.log(frame).view()
        profile = view if profile is None else profile.merge(view)
    if profile is not None:
        profile.to_pandas()


def tfdv(path: str) -> None:
    import os

    import pandas as pd
    import tensorflow_data_validation as validation

    # Several times as fast as its generate_statistics_from_csv, which parses in Python.
    statistics = validation.generate_statistics_from_dataframe(
        pd.read_csv(path), n_jobs=os.cpu_count() or 1
    )
    validation.infer_schema(statistics)


if __name__ == "__main__":
    {"whylogs": whylogs, "tfdv": tfdv}[sys.argv[1]](sys.argv[2])
