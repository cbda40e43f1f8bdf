"""``make bench``: measures everything in one run and writes the results."""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import requests

from benchmarks import events, flow, growth, report, starts, subjects, tls, warm
from benchmarks.building import WORK, build_ours, build_peers
from benchmarks.pausing import stream_paused
from benchmarks.report import Results
from benchmarks.traffic import Traffic
from benchmarks.units import say, sizes
from local.cloud import LocalCloudError, Options, running_stack
from local.cloud.stack import Stack
from tests.conftest import SIGNING

FAST = Options(parameters={"ThinkificRequestsPerMinute": "60000"}, environment=SIGNING)
"""A rate limit that does not delay the calls which are measured."""
COMPARED = ("duitku_webhook", "initiate_payment", "payments")
"""The functions of Lunas that the peers have as well: started as often as the peers."""


def main() -> int:
    """Measure, print the table, and write benchmarks.md and benchmarks/results.json."""
    given = _parser().parse_args()
    began = time.monotonic()
    artifacts = build_ours()
    build_peers()
    say("functions built")
    try:
        with running_stack(WORK / "stack", FAST) as stack:
            results = replace(
                _measured(given, stack, artifacts), seconds=round(time.monotonic() - began)
            )
    except LocalCloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report.write(results, keep=not given.dry)
    return 0


def _measured(given: argparse.Namespace, stack: Stack, artifacts: Path) -> Results:
    own, peers = subjects.ours(stack, artifacts), subjects.peers(stack)
    traffic = Traffic(stack, stack.table_name)
    _lift_limits(stack)
    by_tls = tls.measure(given.starts)
    with stream_paused(stack):
        rounds = {
            name: given.starts if name in COMPARED or name in peers else given.other_starts
            for name in (*own, *peers)
        }
        started = starts.measure({**own, **peers}, rounds, say)
        others = events.measure(stack, own, given.requests // 2, say)
        compared = warm.routes(own, peers, traffic, given.requests)
        say("warm requests compared")
        grown = growth.measure(stack, own, given.sizes, given.requests, say)
    # This comes last, since it adds payments to the table on which the rest is measured.
    flown = flow.measure(traffic, given.flow_sizes, given.alone, given.together, say)
    return Results(
        sizes={each.name: each.megabytes for each in (*own.values(), *peers.values())},
        artifacts=artifacts,
        starts=started,
        warm=compared,
        events=others,
        growth=grown,
        flow=flown,
        tls=by_tls,
        given={
            name: getattr(given, name)
            for name in ("starts", "other_starts", "requests", "alone", "together")
        },
    )


def _lift_limits(stack: Stack) -> None:
    url = f"{stack.thinkific_url}/_sim/settings"
    requests.post(url, json={"rateLimit": 1_000_000}, timeout=10).raise_for_status()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--starts", type=int, default=11, help="starts of each compared function")
    parser.add_argument("--other-starts", type=int, default=3, help="starts of any other function")
    parser.add_argument("--requests", type=int, default=60, help="warm requests of each function")
    parser.add_argument("--sizes", type=sizes, default=(1_000, 10_000, 100_000))
    parser.add_argument("--flow-sizes", type=sizes, default=(1_000, 10_000))
    parser.add_argument("--alone", type=int, default=40, help="payments delivered one by one")
    parser.add_argument("--together", type=int, default=80, help="payments settled at once")
    parser.add_argument("--dry", action="store_true", help="print the results, write no file")
    return parser


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    sys.exit(main())
