"""Measures the calls and units of requests, with few and with many payments in the table.

``make bench`` does it for tables that are filled in a minute or two. This command does it for
larger ones, and writes the page again: ``make bench-units SIZES=1000,1000000``.
"""

import argparse
import logging
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from multiprocessing import get_context
from time import perf_counter, strftime
from typing import Any

import pytest
from botocore.config import Config

from benchmarks.building import WORK
from local.cloud import LocalCloudError, Options, Stack, running_stack
from lunas.aws import clients
from tests.conftest import SIGNING
from tests.integration.api.conftest import forget
from tests.integration.api.test_capacity import content, costs_of_operations, use
from tests.support.metering import Cost
from tests.support.seeding import dynamodb, fill
from tests.support.template import table_properties

MAX_WAIT = Config(read_timeout=3600, retries={"total_max_attempts": 1})
"""For lists of large tables: the emulator looks at every item of an index for each."""
CHUNK = 5_000
"""Payments that one process writes at a time."""


def filled(stack: Stack, size: int, report: Callable[[str], None]) -> str:
    """Make a table with a number of payments, written in batches; return its name.

    Two processes make the items, since the emulator, which is one process, then has no pause.
    """
    started = perf_counter()
    table = f"units-{size}-{uuid.uuid4().hex[:8]}"
    dynamodb(stack).create_table(TableName=table, **table_properties())
    write = partial(_write, stack, table, size)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        # A process takes longer to start than one chunk to write.
        run = map if size <= CHUNK else pool.map
        for done, _ in enumerate(run(write, range(0, size, CHUNK)), start=1):
            if done * CHUNK % 100_000 == 0:
                report(f"{done * CHUNK:,} of {size:,} payments written")
    report(f"{size:,} payments written: {perf_counter() - started:.0f} s")
    return table


def _write(stack: Stack, table: str, size: int, start: int) -> None:
    fill(dynamodb(stack), table, content(min(start + CHUNK, size), start))


def measure(stack: Stack, tables: Mapping[int, str]) -> dict[int, dict[str, Cost]]:
    """Send each request once about each table, by size; return what it cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "CONFIG", clients.CONFIG.merge(MAX_WAIT))
        use(stack, patch)
        # The functions run in this process: they log, and print their metrics.
        logging.disable()
        with redirect_stdout(StringIO()):
            costs = {size: costs_of_operations(stack, table) for size, table in tables.items()}
        logging.disable(logging.NOTSET)
    forget()
    return costs


def as_json(costs: Mapping[int, Mapping[str, Cost]], at: str) -> dict[str, Any]:
    """Return the units of each operation, by the number of payments."""
    return {
        str(size): {
            "at": at,
            "operations": {name: each.read + each.written for name, each in found.items()},
        }
        for size, found in sorted(costs.items())
    }


def merged(measured: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Add the tables of earlier runs, if every operation still costs the same in a small one."""
    now = measured[min(measured, key=int)]["operations"]
    kept = {size: each for size, each in earlier.items() if each["operations"] == now}
    return dict(sorted({**kept, **measured}.items(), key=lambda each: int(each[0])))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size, one table after the other, and write page and results."""
    # The page needs the results of all parts; this module needs nothing else of them.
    from benchmarks import report  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="make bench-units", description=__doc__)
    parser.add_argument("--sizes", type=sizes, default=(1_000, 1_000_000))
    parser.add_argument("--dry", action="store_true", help="print the results, write no file")
    given = parser.parse_args(arguments)
    costs: dict[int, dict[str, Cost]] = {}
    try:
        with running_stack(WORK / "units", Options(environment=SIGNING)) as stack:
            for size in given.sizes:
                table = filled(stack, size, say)
                started = perf_counter()
                costs |= measure(stack, {size: table})
                dynamodb(stack).delete_table(TableName=table)
                say(f"requests measured: {perf_counter() - started:.0f} s")
    except LocalCloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report.write_units(costs, keep=not given.dry)
    return 0


def sizes(text: str) -> tuple[int, ...]:
    """Read numbers of payments, as in ``1000,1000000``."""
    return tuple(int(each) for each in text.split(","))


def say(line: str) -> None:
    """Print a line about the progress, with the time."""
    print(f"{strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    sys.exit(main())
