from __future__ import annotations

from hypothesis import settings

# Two test processes and the servers that they start share few cores: how long one example takes
# says nothing of the code.
settings.register_profile("modelyard", deadline=None)
settings.load_profile("modelyard")
