"""What holds for every test: how hypothesis draws, and how slow a test may be."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# In CI the same examples every time, so that a red run is about the change and not about luck;
# at a desk new examples on every run, which is how the next bug is found.
_QUIET = [HealthCheck.too_slow]  # the cores are shared; a slow draw is no defect
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("desk", deadline=None, print_blob=True, suppress_health_check=_QUIET)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
