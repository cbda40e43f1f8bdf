"""The arithmetic of the rate limiter that all workers share.

It is the generic cell rate algorithm (GCRA), or virtual scheduling: one number, the moment until
which the permits given so far use up the limit. A permit advances it by one ``interval`` and lies
``credit`` before it, so that a few calls may go at once after a pause. Moments are integer
milliseconds since the epoch.

Why the platform receives at most 120 calls in any minute, at the default of 110:

====================================================  =====================  ===
evenly spaced in 60 s                                 60,000 // 546          109
at once after a pause, in place of one                BURST                    5
sent before that minute and still on their way then   one each of CALLERS      6
total                                                                        120
====================================================  =====================  ===

The total holds however long calls take, since each caller makes one at a time.
"""

from dataclasses import dataclass

MINUTE = 60_000
BURST = 5
"""Calls that may go at once after a pause: more than the four that a new learner takes."""
CALLERS = 6
"""Concurrent calls to the platform, which allows about ten. The concurrency of the delivery queue
in template.yaml is two less: one is left for sale reports, one for all others."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A call every ``interval`` milliseconds, and ``burst`` of them at once after a pause."""

    interval: int
    burst: int = BURST

    @classmethod
    def per_minute(cls, calls: int) -> "RateLimit":
        """Return the limit of at most ``calls`` a minute, besides the burst."""
        return cls(-(-MINUTE // calls))

    @property
    def credit(self) -> int:
        """Return how many milliseconds before its evenly spaced moment a call may be made."""
        return (self.burst - 1) * self.interval

    def permit(self, busy_until: int, now: int) -> int:
        """Return when the next call may be sent."""
        return max(now, busy_until - self.credit)

    def taken(self, busy_until: int, now: int) -> int:
        """Return until when the limit is used up once the next permit is given."""
        return max(now, busy_until) + self.interval

    def resting_until(self, moment: int) -> int:
        """Return until when the limit has to be used up for no permit before ``moment``."""
        return moment + self.credit
