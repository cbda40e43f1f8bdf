"""What a caller may choose about a stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _quiet(_line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Options:
    """Choices for one stack; each has a default.

    ``environment`` gives addresses and keys of Duitku and Thinkific, as ``docs/guides/local.md``
    lists them; empty means simulators. ``parameters`` override those of ``template.yaml``.
    ``workers`` bounds the invocations of each function that run at once; further calls wait.
    ``iam`` has the emulator refuse what a function's role does not allow. ``report`` gets a line
    about each step.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    log_level: str = "INFO"
    workers: int = 10
    catalog: bool = True
    iam: bool = False
    report: Callable[[str], None] = _quiet
