"""Serve the Thinkific simulator: ``python -m local.simulators.thinkific --port 8081 …``."""

import argparse
from collections.abc import Sequence

import uvicorn

from local.simulators.thinkific.app import create_app
from local.simulators.thinkific.settings import Account


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve until the process is stopped."""
    given = _parser().parse_args(arguments)
    account = Account(
        given.subdomain, given.api_key, given.client_id, given.client_secret, given.access_token
    )
    app = create_app(account)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local.simulators.thinkific")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True)
    for name in ("subdomain", "api-key", "client-id", "client-secret"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--access-token", default="", help="an API access token of the site")
    return parser


if __name__ == "__main__":
    main()
