"""``make thinkific-check`` on a running stack: its settings work, its catalog is compared."""

import os
import subprocess
import sys
import uuid

from local.cloud import Stack
from local.cloud.state import ROOT
from tests.conftest import END_TO_END
from tests.support.providers import Thinkific


def checked(**given: str) -> list[str]:
    """Run the command on the stack of the tests; return its lines."""
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("THINKIFIC_")}
    done = subprocess.run(  # noqa: S603  (our own command)
        [
            sys.executable,
            "-m",
            "lunas.cli",
            "thinkific-check",
            "--state",
            str(END_TO_END),
            *options,
        ],
        cwd=ROOT,
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    # Other tests leave unmapped courses, which the command reports.
    to_fix = [line for line in lines if line.startswith("FIX")]
    assert done.returncode == bool(to_fix), done.stderr
    assert [line for line in to_fix if "is not mapped" not in line] == []
    return lines


def test_a_stack_is_checked_by_enrolling_and_revoking_a_test_learner(
    stack: Stack, thinkific: Thinkific
) -> None:
    email = f"check-{uuid.uuid4().hex[:12]}@example.com"
    lines = checked(enroll=email, course="python-dasar")
    assert lines[0] == f"site {stack.thinkific.subdomain} of local, {stack.thinkific_url}"
    assert any("courses of the catalog are mapped and shown by the site" in line for line in lines)
    (enrollment,) = thinkific.enrollments(email)
    assert enrollment["activated_at"]
    assert enrollment["expired"] is True
