"""Check what the Thinkific site lets Lunas do, and print what to fix."""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass

from lunas.cli.errors import NoSite
from lunas.cli.stacks import LOCAL, find
from lunas.cli.thinkific_check.catalog import mapping
from lunas.cli.thinkific_check.findings import Finding, explained, summary
from lunas.cli.thinkific_check.learner import try_delivery
from lunas.cli.thinkific_check.rights import access, courses, rights
from lunas.cli.thinkific_check.sites import CheckedSite, from_environment, from_stack
from lunas.domain.errors import DeliveryError, LunasError

HELP = "check what the Thinkific site allows, and print what to fix"


@dataclass(frozen=True)
class TrialLearner:
    """The address of a test learner to enroll and revoke, and the course; empty for none."""

    email: str = ""
    course: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the test learner; without ``--env``, the environment variables name the site."""
    parser.set_defaults(env="")
    parser.add_argument(
        "--enroll", default="", metavar="ADDRESS", help="enroll a test learner and revoke it again"
    )
    parser.add_argument("--course", default="", metavar="ID", help="the course for --enroll")


def run(given: argparse.Namespace) -> int:
    """Check the site; return 1 if there is anything to fix. Raises NoSite."""
    try:
        site = _site(given)
    except LunasError as error:
        raise NoSite(f"the stack's site cannot be opened: {error}") from error
    print(f"site {site.name}, {site.caller.site.api_url}")
    findings = []
    for finding in check(site, TrialLearner(given.enroll, given.course)):
        print(finding)
        findings.append(finding)
    line, code = summary(findings)
    print(line)
    return code


def check(site: CheckedSite, learner: TrialLearner) -> Iterator[Finding]:
    """Check the site, as far as its responses allow."""
    if (refused := access(site.caller)) is not None:
        yield refused
        return
    try:
        shown = courses(site.caller)
    except DeliveryError as error:
        yield explained("reading all courses", error, "read:courses")
        return
    yield Finding(f"{len(shown)} courses read; those of the new course builder are never shown")
    yield from rights(site.caller)
    if site.catalog is not None:
        yield from mapping(site.caller, site.catalog, shown)
    if learner.email:
        yield from _delivered(site, learner)


def _delivered(site: CheckedSite, learner: TrialLearner) -> Iterator[Finding]:
    course_id = _course(site, learner.course)
    if course_id is None:
        yield Finding(
            f"course {learner.course or '(none)'} is not known",
            "name a course: COURSE=id, ours or Thinkific's",
        )
        return
    yield from try_delivery(site.caller, learner.email, course_id)


def _course(site: CheckedSite, named: str) -> str | None:
    """Return Thinkific's id of a course, given our id or Thinkific's."""
    ours = site.catalog.course(named) if site.catalog and named else None
    if ours is not None:
        return ours.platform_course_id
    return str(int(named)) if named.isascii() and named.isdigit() else None


def _site(given: argparse.Namespace) -> CheckedSite:
    found = None if given.env else from_environment(os.environ)
    return found or from_stack(find(given.env or LOCAL, given.state))
