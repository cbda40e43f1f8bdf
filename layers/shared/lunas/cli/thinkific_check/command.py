"""The command: everything that is looked at, in order, and what it comes down to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.deployed import LOCAL
from local.thinkific.catalog import mapping
from local.thinkific.examine import access, courses, rights
from local.thinkific.findings import Finding, explained, summed_up
from local.thinkific.learner import walk
from local.thinkific.where import Checked, NoSite, from_environment, from_stack
from lunas.domain.errors import DeliveryError, LunasError


@dataclass(frozen=True)
class Wanted:
    """What is checked: a stack's site, or None for the environment's; a learner on request."""

    environment: str | None = None
    enroll: str = ""
    course: str = ""


def run(
    wanted: Wanted, state_dir: Path, variables: Mapping[str, str], report: Callable[[str], None]
) -> int:
    """Check the site and say what is to mend; returns 1 if there is anything."""
    try:
        checked = _found(wanted, state_dir, variables)
    except LunasError as error:
        raise NoSite(f"the stack's site cannot be opened: {error}") from error
    report(f"site {checked.name}, {checked.at.site.api_url}")
    findings = []
    for finding in examined(checked, wanted):
        report(str(finding))
        findings.append(finding)
    line, code = summed_up(findings)
    report(line)
    return code


def examined(checked: Checked, wanted: Wanted) -> Iterator[Finding]:
    """Look at everything, as far as the site lets itself be asked."""
    if (refused := access(checked.at)) is not None:
        yield refused
        return
    try:
        rows = courses(checked.at)
    except DeliveryError as error:
        yield explained("reading all courses", error, "read:courses")
        return
    yield Finding(f"{len(rows)} courses read; those of the new course builder are never shown")
    yield from rights(checked.at)
    if checked.catalog is not None:
        yield from mapping(checked.at, checked.catalog, rows)
    if wanted.enroll:
        yield from _walked(checked, wanted)


def _walked(checked: Checked, wanted: Wanted) -> Iterator[Finding]:
    course_id = _course(checked, wanted.course)
    if course_id is None:
        yield Finding(
            f"course {wanted.course or '(none)'} is not known",
            "name a course: COURSE=id, ours or Thinkific's",
        )
        return
    yield from walk(checked.at, wanted.enroll, course_id)


def _course(checked: Checked, named: str) -> int | None:
    """Return Thinkific's id of a course that is named by ours or by Thinkific's id."""
    ours = checked.catalog.course(named) if checked.catalog and named else None
    if ours is not None:
        return ours.platform_course_id
    return int(named) if named.isascii() and named.isdigit() else None


def _found(wanted: Wanted, state_dir: Path, variables: Mapping[str, str]) -> Checked:
    if wanted.environment is None:
        given = from_environment(variables)
        if given is not None:
            return given
    return from_stack(wanted.environment or LOCAL, state_dir)
