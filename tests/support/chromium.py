"""Finds a Chromium for the tests of pages, and installs one where there is none.

Playwright drives one but brings none. A browser of the machine is used. Otherwise a container of
Debian, where the tests run as root, installs Debian's package; anywhere else Playwright fetches
its own into ``.local/tools``.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from local.cloud.state import TOOLS

GIVEN = "LUNAS_CHROMIUM"
"""Environment variable with the path of a browser to use instead of any other."""
NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome-stable")
_OWN = TOOLS / "browsers"
_HELP = (
    f"no Chromium: install one (Debian, Ubuntu: apt-get install chromium) or name one by {GIVEN}; "
    "Playwright's own could not be fetched:"
)


class BrowserMissing(Exception):
    """There is no browser, and none could be installed; the message names what to do."""


def chromium() -> Path:
    """Return the path of a Chromium that can be started; raises ``BrowserMissing``."""
    return _given() or _of_machine() or _fetched() or _of_debian() or _fetch()


def _given() -> Path | None:
    given = os.environ.get(GIVEN)
    if given and not Path(given).is_file():
        raise BrowserMissing(f"{GIVEN} is no file: {given}")
    return Path(given) if given else None


def _of_machine() -> Path | None:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return Path(found) if found else None


def _of_debian() -> Path | None:
    """Install Debian's package if this is Debian and no password is asked for; None if not."""
    if os.geteuid() != 0 or not shutil.which("apt-get") or not _is_debian():
        return None
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
        command = ("apt-get", "--quiet", "--quiet", *arguments)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, check=False
        )
    return _of_machine()


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def _fetched() -> Path | None:
    """Return what an earlier run fetched; the folder's name has Playwright's revision in it."""
    shells = sorted(_OWN.glob("chromium_headless_shell-*/*/*headless*shell"))
    return shells[-1] if shells else None


def _fetch() -> Path:
    command = (sys.executable, "-m", "playwright", "install", "--only-shell", "chromium")
    environment = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(_OWN)}
    done = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    found = _fetched()
    if found is None:
        raise BrowserMissing(f"{_HELP}\n{done.stdout[-500:]}{done.stderr[-1500:]}")
    return found
