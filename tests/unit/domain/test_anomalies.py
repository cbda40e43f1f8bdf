"""Anomalies: the same finding has the same id."""

from datetime import timedelta

from lunas.domain.anomalies import AnomalyKind, anomaly, paid_for_nothing_new
from tests.support.builders import LATER, NOW, bought, payment

EVIDENCE = {"amount": "1", "reference": "R"}


def test_the_same_finding_has_the_same_id_at_any_time() -> None:
    first = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", EVIDENCE, NOW)
    again = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", dict(reversed(EVIDENCE.items())), LATER)
    assert first.id == again.id
    assert again.at - first.at == timedelta(hours=2)


def test_another_kind_order_or_certain_fact_is_another_finding() -> None:
    ids = {
        anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", EVIDENCE, NOW).id,
        anomaly(AnomalyKind.AMOUNT_DIFFERS, "o1", EVIDENCE, NOW).id,
        anomaly(AnomalyKind.UNKNOWN_ORDER, "o2", EVIDENCE, NOW).id,
        anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", EVIDENCE | {"amount": "2"}, NOW).id,
    }
    assert len(ids) == 4


def test_hints_are_recorded_but_do_not_change_the_id() -> None:
    plain = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", EVIDENCE, NOW)
    hinted = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", EVIDENCE, NOW, hints={"resultCode": "01"})
    assert hinted.id == plain.id
    assert hinted.evidence["resultCode"] == "01"


def test_a_hint_never_replaces_what_is_certain() -> None:
    found = anomaly(AnomalyKind.UNKNOWN_ORDER, "o1", EVIDENCE, NOW, hints={"amount": "999"})
    assert found.evidence["amount"] == "1"


def test_an_anomaly_of_a_double_payment_names_what_to_refund() -> None:
    found = paid_for_nothing_new(payment(courses=bought("c1", "c2")), LATER)
    assert found.kind is AnomalyKind.PAID_TWICE
    assert dict(found.evidence) == {"amount": "49000", "courses": "c1,c2"}
    assert (found.order_id, found.payment_id) == ("pay1", "pay1")
