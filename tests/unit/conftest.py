"""Settings of every unit test: property tests without a clock and without a memory on disk."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "lunas",
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lunas")
