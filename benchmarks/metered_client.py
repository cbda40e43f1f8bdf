"""AWS's runtime client with a meter, to run in place of ``python -m awslambdaric``.

Whenever the client asks for the next event, for the first time right after the start, it writes a
line with the processor time used so far and the peak memory.
"""

import json
import os
import resource
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from awslambdaric.lambda_runtime_client import (  # type: ignore[import-not-found]
    LambdaRuntimeClient,
)

ASK = LambdaRuntimeClient.wait_next_invocation


def _read_meter_and_ask(client: Any) -> Any:  # noqa: ANN401
    used = time.process_time()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Path(os.environ["METER"]).open("a") as meter:
        meter.write(json.dumps({"cpu": used, "rss": most}) + "\n")
    return ASK(client)


LambdaRuntimeClient.wait_next_invocation = _read_meter_and_ask
sys.path[0] = str(Path.cwd())
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
