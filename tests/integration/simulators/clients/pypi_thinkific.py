"""Makes one call by ``thinkific`` of PyPI; run by the interpreter of the environment that holds it.

Takes ``{"url", "subdomain", "apiKey", "call", "given"}`` as its argument, with a call such
as ``users.list`` and its keyword arguments. Prints the result, both as JSON; of an answer of 400 or
more the client keeps only the status: ``{"refused": 422}``.
"""

import json
import sys
from operator import attrgetter
from typing import Any

from thinkific import Thinkific, client  # type: ignore[import-not-found]


def result(site: Any, call: str, given: dict[str, Any]) -> Any:
    """Make a call; the client raises a bare ``Exception`` that holds the status."""
    try:
        return attrgetter(call)(site)(**given)
    except Exception as error:
        if type(error) is not Exception:
            raise
        return {"refused": error.args[0]}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    client.BASE_URL = f"{asked['url']}/api"
    made = Thinkific(asked["apiKey"], asked["subdomain"])
    print(json.dumps(result(made, asked["call"], asked["given"])))  # noqa: T201
