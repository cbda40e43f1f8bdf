"""Settings of every unit test: property tests without a clock and without a memory on disk."""

from hypothesis import HealthCheck, settings

from tests.support.length import by_length

settings.register_profile(
    "lunas",
    deadline=None,
    database=None,
    max_examples=by_length(60, 600, 3_000),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lunas")
