"""How fast calls may follow one another: the arithmetic of the limiter that all workers share.

It is the generic cell rate algorithm, or virtual scheduling: one number, the moment until which
everything handed out so far keeps the caller's share busy. A call moves it on by one ``interval``
and has its turn ``credit`` before it, so that after a rest a few calls may go at once. Moments
are integer milliseconds since the epoch.

Why the platform hears at most 120 calls in any minute, at the default of 110:

====================================================  =====================  ===
even places in 60 s                                   60,000 // 546          109
at once after a rest, in place of one                 BURST                    5
sent before that minute and still on their way then   one each of CALLERS      6
all together                                                                 120
====================================================  =====================  ===

The last line holds however long calls take, since each caller makes one at a time.
"""

from dataclasses import dataclass

MINUTE = 60_000
BURST = 5
"""Calls that may go at once after a rest: more than the four that a new learner takes."""
CALLERS = 6
"""Calls to the platform that may be made at a time; it takes about ten. The concurrency of the
delivery queue in template.yaml stays two below: one for reports of sales, one for all others."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Calls every ``interval`` milliseconds, and ``burst`` of them at once after a rest."""

    interval: int
    burst: int = BURST

    @classmethod
    def per_minute(cls, calls: int) -> "RateLimit":
        """Return the pace of at most so many calls a minute, beside the burst."""
        return cls(-(-MINUTE // calls))

    @property
    def credit(self) -> int:
        """Return by how many milliseconds a call may come before its even place."""
        return (self.burst - 1) * self.interval

    def permit(self, busy_until: int, now: int) -> int:
        """Return when the next call may be sent."""
        return max(now, busy_until - self.credit)

    def taken(self, busy_until: int, now: int) -> int:
        """Return until when the share is busy once the next call has been given its turn."""
        return max(now, busy_until) + self.interval

    def resting_until(self, moment: int) -> int:
        """Return until when the share has to be busy for no turn to come before ``moment``."""
        return moment + self.credit
