"""The sweep, by schedule: prove that what changed is as it must be, and tell what is not."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas.adapters import aws
from lunas.adapters.clock import now
from lunas.adapters.store.anomalies import Anomalies
from lunas.adapters.store.enrollments import Enrollments
from lunas.adapters.store.sweeps import Sweeps
from lunas.adapters.store.table import Table
from lunas.edges import telemetry
from lunas.rules.anomalies import Anomaly
from lunas.rules.payments import Payment
from lunas.usecases.examine import Examiner
from lunas.usecases.sweep import Sweeper, Swept, sweep

aws.prepare(aws.dynamodb)

ONE_MORE = 20_000
"""Milliseconds that one more payment, and the note of how far the run came, may take."""


def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    """Run once; runs may overlap or come twice."""
    telemetry.begin(context.aws_request_id, route="sweep")
    table = Table.from_environment()
    sweeps = Sweeps(table)
    examiner = Examiner(
        payments=sweeps,
        enrollments=Enrollments(table),
        anomalies=Anomalies(table),
        report=_log_difference,
        repaired=_log_completion,
        now=now,
    )
    run = Sweeper(
        trails=sweeps,
        examiner=examiner,
        hurry=lambda: context.get_remaining_time_in_millis() < ONE_MORE,
        now=now,
    )
    try:
        _log(sweep(run))
    except Exception as error:
        telemetry.crashed(error)
        raise


def _log(swept: Swept) -> None:
    telemetry.count("SweepRun")
    if swept.behind:
        telemetry.warn(
            "sweep is behind",
            reached={str(trail): mark[:24] for trail, mark in swept.behind.items()},
            todo="nothing while it catches up; else run it more often, see docs/reconcile.md",
        )
    if swept.payments:
        telemetry.decided(
            "swept",
            payments=swept.payments,
            completed=swept.completed,
            differences=swept.differences,
        )


def _log_difference(found: Anomaly) -> None:
    telemetry.alarm(
        "difference found",
        code=found.evidence["code"],
        found=found.evidence["found"],
        anomaly_id=found.id,
        payment_id=found.payment_id,
        todo="compare the items of the payment by hand, see docs/operations.md, Differences",
    )
    telemetry.count("Anomaly")
    telemetry.count("SweepDifferences")


def _log_completion(payment: Payment) -> None:
    telemetry.warn(
        "payment completed by the sweep",
        payment_id=payment.id,
        status=payment.status,
        todo="find out why its last delivery did not complete it",
    )
