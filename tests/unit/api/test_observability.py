"""Logs and metrics hold ids and decisions, and nothing that an error may quote."""

import pytest

from lunas import observability
from lunas.api.problems import status_of
from lunas.api.settlement_logs import log_callback_result, log_outcome
from lunas.domain.anomalies import AnomalyKind, anomaly
from lunas.domain.errors import (
    ConfigurationError,
    GatewayKeyRefused,
    GatewayRefused,
    GatewayUnavailable,
    LunasError,
    StorageContention,
)
from lunas.domain.payments import Status
from lunas.domain.settlement import Result
from lunas.gateways.duitku import http as _duitku_errors  # noqa: F401  (adds to the tree)
from lunas.observability import logger
from lunas.services.callbacks import CallbackResult
from lunas.services.settlement import Outcome
from tests.support.builders import EMAIL, NOW, payment
from tests.support.logs import Logged

SECRET_TEXT = "budi@example.com owes hunter2"


def crash() -> None:
    try:
        int(SECRET_TEXT)
    except ValueError as error:
        raise RuntimeError(f"while reading {SECRET_TEXT}") from error


def test_a_crash_is_logged_without_any_message_of_its_chain(logged: Logged) -> None:
    with pytest.raises(RuntimeError) as raised:
        crash()
    observability.log_exception(raised.value)
    (line,) = logged.lines
    assert (line["error"], line["level"]) == ("RuntimeError", "ERROR")
    assert line["places"][-1].endswith("crash")
    assert "hunter2" not in logged.text
    assert logged.metrics() == ["UnexpectedError"]


def test_storage_contention_is_not_an_unexpected_error(logged: Logged) -> None:
    observability.log_exception(StorageContention("others write the same items"))
    (line,) = logged.lines
    assert (line["message"], line["level"]) == ("table busy", "WARNING")
    assert logged.metrics() == []


def test_a_place_is_logged_as_file_name_and_line_only(logged: Logged) -> None:
    with pytest.raises(RuntimeError) as raised:
        crash()
    observability.log_exception(raised.value)
    (line,) = logged.lines
    assert all("/" not in place for place in line["places"])


def test_a_new_request_starts_without_the_keys_of_the_last(logged: Logged) -> None:
    observability.bind("r1", route="GET /a")
    logger.append_keys(caller="user:u1")
    observability.bind("r2")
    logger.info("something")
    (line,) = logged.lines
    assert line["correlation_id"] == "r2"
    assert "caller" not in line
    assert "route" not in line


def test_a_decision_is_one_log_line_with_its_facts(logged: Logged) -> None:
    logger.info("payment opened", payment_id="pay1")
    (line,) = logged.lines
    assert (line["message"], line["level"], line["payment_id"]) == (
        "payment opened",
        "INFO",
        "pay1",
    )


def test_a_settlement_is_logged_and_counted_without_personal_data(logged: Logged) -> None:
    log_outcome(Outcome(Result.SETTLED, payment(Status.APPROVED)))
    (line,) = logged.lines
    assert (line["message"], line["payment_id"], line["status"]) == (
        "payment settled",
        "pay1",
        "APPROVED",
    )
    assert EMAIL not in logged.text
    assert logged.metrics() == ["PaymentApproved"]


@pytest.mark.parametrize("result", [each for each in Result if each is not Result.SETTLED])
def test_a_result_that_settles_nothing_is_not_counted(logged: Logged, result: Result) -> None:
    log_callback_result(CallbackResult(Outcome(result, payment())))
    message = "payment ended" if result is Result.ENDED else "payment unchanged"
    assert logged.messages() == [message]
    assert logged.metrics() == []


def test_an_anomaly_is_counted_and_logged_with_what_to_do(logged: Logged) -> None:
    found = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", {"amount": "1"}, NOW)
    log_callback_result(CallbackResult(anomaly=found))
    (line,) = logged.lines
    assert (line["level"], line["kind"], line["anomaly_id"]) == ("ERROR", "UNKNOWN_ORDER", found.id)
    assert line["todo"]
    assert logged.metrics() == ["Anomaly"]


def test_money_for_owned_courses_is_logged_as_settled_and_as_anomaly(logged: Logged) -> None:
    found = anomaly(AnomalyKind.PAID_TWICE, "pay1", {"amount": "1"}, NOW, payment_id="pay1")
    log_outcome(Outcome(Result.SETTLED, payment(Status.COMPLETED), found))
    assert logged.messages() == ["payment settled", "anomaly recorded"]
    assert logged.metrics() == ["PaymentApproved", "Anomaly"]


@pytest.mark.parametrize("value", [0, 7])
def test_a_metric_belongs_to_its_stack(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, value: int
) -> None:
    monkeypatch.setattr(logger, "service", "lunas-dev")
    observability.gauge("Waiting", value)
    (written,) = logged.embedded()
    (group,) = written["_aws"]["CloudWatchMetrics"]
    assert (group["Namespace"], group["Dimensions"]) == ("Lunas", [["service"]])
    assert (written["service"], written["Waiting"]) == ("lunas-dev", [value])


def test_an_event_is_counted_as_one(logged: Logged) -> None:
    observability.count("Happened")
    assert logged.values() == {"Happened": 1}


def test_every_line_is_json(logged: Logged) -> None:
    logger.info('quotes " and\nlines', odd="\u2028")
    (line,) = logged.lines
    assert line["odd"] == "\u2028"


# ── Failures ─────────────────────────────────────────────────────────────────────────────────────


def errors_of_lunas(kind: type[LunasError] = LunasError) -> list[type[LunasError]]:
    """Return every error of the tree, including those of adapters."""
    return [kind, *(each for below in kind.__subclasses__() for each in errors_of_lunas(below))]


OURS = {
    "ConfigurationError",
    "GatewayKeyRefused",
    "AccessRefused",
}
"""Errors that an operator has to correct."""


@pytest.mark.parametrize("kind", sorted(set(errors_of_lunas()), key=str), ids=str)
def test_every_response_of_500_or_above_is_counted_as_ours_or_as_a_dependencys(
    logged: Logged, kind: type[LunasError]
) -> None:
    error = kind.__new__(kind)
    status = status_of(error)
    observability.count_failure(error, status)
    if kind.__name__ in OURS or status == 500:
        assert logged.metrics() == ["ServerError"]
    elif status > 500:
        assert logged.metrics() == ["DependencyError"]
    else:
        assert logged.metrics() == []


def test_a_configuration_error_outside_a_request_is_logged_with_its_reason(
    logged: Logged,
) -> None:
    observability.log_exception(ConfigurationError("the secret names no apiKey"))
    (line,) = logged.lines
    assert (line["message"], line["level"]) == ("misconfigured", "ERROR")
    assert line["reason"] == "the secret names no apiKey"
    assert logged.metrics() == ["ServerError"]


def test_a_request_that_duitku_refuses_for_our_key_stays_our_error() -> None:
    refused = GatewayKeyRefused("Duitku answered 401")
    assert GatewayUnavailable.after(refused, "no answer").misconfigured
    assert not GatewayUnavailable.after(GatewayRefused("Duitku refused"), "no").misconfigured
