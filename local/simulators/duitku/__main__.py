"""Run the simulator: ``python -m local.simulators.duitku --port 9001``."""

import argparse

import uvicorn

from local.simulators.duitku.app import create_app
from local.simulators.duitku.settings import Settings


def main() -> None:
    """Read the options and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="local.simulators.duitku", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--merchant-code", default="DS12345")
    parser.add_argument("--api-key", required=True)
    given = parser.parse_args()
    settings = Settings(merchant_code=given.merchant_code, api_key=given.api_key)
    uvicorn.run(create_app(settings), host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
