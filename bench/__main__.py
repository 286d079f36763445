"""Run the benchmarks: `python -m bench [NAME ...] [--write docs/benchmarks.md]`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from bench import (
    autopilot,
    batch_transform,
    data_quality,
    envelope,
    explainability,
    inference,
    registry,
    registry_search,
    tuning,
)
from bench.document import merged
from bench.machine import describe
from bench.report import BenchUnavailable, Options, Report

BENCHES: Mapping[str, Callable[[Options], Report]] = {
    "autopilot": autopilot.run,
    "batch-transform": batch_transform.run,
    "data-quality": data_quality.run,
    "envelope": envelope.run,
    "explainability": explainability.run,
    "inference": inference.run,
    "registry": registry.run,
    "registry-search": registry_search.run,
    "tuning": tuning.run,
}


def main() -> int:
    """Run what is asked for, print it, and return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all")
    parser.add_argument("--seconds", type=int, default=5, help="of each single measurement")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved; medians are reported")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="replace the sections of that document, too"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there is {', '.join(BENCHES)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    options = Options(seconds=arguments.seconds, rounds=arguments.rounds)
    sections, met = {}, True
    for name in arguments.names or BENCHES:
        measured = describe()
        try:
            report = BENCHES[name](options)
        except BenchUnavailable as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        sections[report.title] = text = report.markdown(measured)
        met = met and report.met
        print(text, flush=True)
        if arguments.write is not None:
            before = arguments.write.read_text() if arguments.write.exists() else ""
            arguments.write.write_text(merged(before, sections))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
