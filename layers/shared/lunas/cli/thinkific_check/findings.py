"""The results of the check: one line for each."""

from collections.abc import Iterable
from dataclasses import dataclass

from lunas.domain.errors import DeliveryError, RateLimited
from lunas.platforms.thinkific.http import AccessRefused, Rejected

UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; ``fix`` is what to do, None if it passed."""

    what: str
    fix: str | None = None

    def __str__(self) -> str:
        if self.fix is None:
            return f"ok    {self.what}"
        return f"FIX   {self.what}\n      {self.fix}"


def summary(findings: Iterable[Finding]) -> tuple[str, int]:
    """Return the last line, and the exit code: 1 if there is anything to fix."""
    open_ones = sum(each.fix is not None for each in findings)
    return f"thinkific-check: {open_ones or 'nothing'} to fix", 1 if open_ones else 0


def explained(what: str, error: DeliveryError, scope: str | None = None) -> Finding:
    """Return the finding for an error from Thinkific, with what to do."""
    match error:
        case AccessRefused() if error.status == UNAUTHORIZED:
            return Finding(
                f"{what}: Thinkific does not accept the key (401)",
                "check that key or token and the subdomain are those of this site (without "
                ".thinkific.com), and that the plan has API access: Grow, Pro + Growth or above",
            )
        case AccessRefused():
            return Finding(
                f"{what}: not allowed (403)",
                f"{_granted(scope)}; a token has the rights of the person who approved it, who "
                "must be owner or admin of the site; and the plan must have Apps",
            )
        case RateLimited():
            return Finding(f"{what}: the site's limit is used up", "wait a minute and try again")
        case Rejected():
            return Finding(f"{what}: refused ({error})", "compare the values with the site's")
    return Finding(
        f"{what}: no usable response ({error})",
        "check that the address of the API is right and that Thinkific is up, then try again",
    )


def _granted(scope: str | None) -> str:
    if scope is None:
        return "check the plan"
    return f"give the app the scope {scope} in the Partner Portal, then install it again"
