"""Pins the newest versions that ``requirements/*.in`` allow, with the hashes of their files.

Run by ``make requirements``. The layer comes first, so that the tests run against the versions
that the functions get.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".local" / "tools" / "uv" / "bin" / "uv"
PINS = {
    "bootstrap.in": "requirements/bootstrap.txt",
    "layer.in": "layers/shared/requirements.txt",
    "public_keys.in": "layers/public_keys/requirements.txt",
    "cloud.in": "requirements/cloud.txt",
    "sam.in": "requirements/sam.txt",
    "iam.in": "requirements/iam.txt",
    "runtime.in": "requirements/runtime.txt",
    "clients.in": "requirements/clients.txt",
    "dev.in": "requirements/dev.txt",
}
OPTIONS = (
    "--universal",
    "--python-version=3.13",
    "--upgrade",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--quiet",
)


def compile_pins(wanted: str, pins: str) -> None:
    """Resolve one file of requirements; raises ``CalledProcessError`` when that is impossible."""
    print(pins, file=sys.stderr)
    source = Path("requirements") / wanted
    subprocess.run([UV, "pip", "compile", *OPTIONS, source, "-o", pins], check=True, cwd=ROOT)


if __name__ == "__main__":
    for source_name, pins_name in PINS.items():
        compile_pins(source_name, pins_name)
