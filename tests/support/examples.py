"""A plugin: Hypothesis draws in this suite without a clock.

What else runs on a machine decides how long one example takes, and with it which test fails.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
