"""The image's entry point: `python -m modelyard.images.xgboost train`."""

from __future__ import annotations

import sys

from modelyard.images.training import program
from modelyard.images.xgboost.training import train

if __name__ == "__main__":
    program.main(sys.argv[1:], train)
