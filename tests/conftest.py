from __future__ import annotations

import os

from hypothesis import settings

# Two test processes and the servers that they start share few cores: how long one example takes
# says nothing of the code. In CI hypothesis has a profile of its own, which says so too, and in
# which each run tries the same examples.
if "CI" not in os.environ:
    settings.register_profile("modelyard", deadline=None)
    settings.load_profile("modelyard")
