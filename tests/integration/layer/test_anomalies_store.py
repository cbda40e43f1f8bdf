"""Anomalies in the table: reading, listing, and closing each of them once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.anomalies import Anomaly, AnomalyKind, AnomalyStatus, Resolution, anomaly
from lunas.storage.anomalies import Anomalies
from lunas.storage.table import Table
from tests.support.builders import LATER, NOW

REFUNDED = Resolution(resolution="refunded", reason="paid twice", at=LATER, actor="admin:a1")
AGREED = Resolution(resolution="kept", reason="agreed", at=LATER, actor="admin:a2")


def found(number: int = 1, payment_id: str | None = "pay1") -> Anomaly:
    at = NOW + timedelta(minutes=number)
    certain = {"amount": str(number)}
    return anomaly(AnomalyKind.AMOUNT_DIFFERS, "o1", certain, at, payment_id=payment_id)


@pytest.fixture
def anomalies(table: Table) -> Anomalies:
    return Anomalies(table)


@pytest.mark.parametrize("payment_id", ["pay1", None])
def test_an_anomaly_is_read_as_it_was_recorded(
    anomalies: Anomalies, payment_id: str | None
) -> None:
    made = found(payment_id=payment_id)
    anomalies.keep(made)
    assert anomalies.get(made.id) == made


def test_an_unknown_anomaly_is_none(anomalies: Anomalies) -> None:
    assert anomalies.get("ano404") is None


def test_a_closed_anomaly_shows_who_did_what_when_and_why(anomalies: Anomalies) -> None:
    made = found()
    anomalies.keep(made)
    closed = anomalies.resolve(made, REFUNDED)
    assert closed == replace(made, status=AnomalyStatus.RESOLVED, resolved=REFUNDED)
    assert anomalies.get(made.id) == closed


def test_only_one_of_two_admins_closes_an_anomaly(anomalies: Anomalies) -> None:
    made = found()
    anomalies.keep(made)
    anomalies.resolve(made, REFUNDED)
    assert anomalies.resolve(made, AGREED) is None
    stored = anomalies.get(made.id)
    assert stored
    assert stored.resolved == REFUNDED


def test_closing_an_unknown_anomaly_creates_none(anomalies: Anomalies) -> None:
    assert anomalies.resolve(found(), REFUNDED) is None
    assert anomalies.get(found().id) is None


def test_a_closed_anomaly_that_is_found_again_stays_closed(anomalies: Anomalies) -> None:
    made = found()
    anomalies.keep(made)
    anomalies.resolve(made, REFUNDED)
    assert not anomalies.keep(made)
    stored = anomalies.get(made.id)
    assert stored
    assert stored.status is AnomalyStatus.RESOLVED


def test_anomalies_are_listed_newest_first_by_whether_they_are_closed(
    anomalies: Anomalies,
) -> None:
    made = [found(number) for number in range(4)]
    for each in made:
        anomalies.keep(each)
    anomalies.resolve(made[1], REFUNDED)

    def listed(status: AnomalyStatus | None) -> list[str]:
        return [each.id for each in anomalies.page(status, 10, None).items]

    assert listed(None) == [made[3].id, made[2].id, made[1].id, made[0].id]
    assert listed(AnomalyStatus.OPEN) == [made[3].id, made[2].id, made[0].id]
    assert listed(AnomalyStatus.RESOLVED) == [made[1].id]


def test_anomalies_are_paged(anomalies: Anomalies) -> None:
    for number in range(3):
        anomalies.keep(found(number))
    first = anomalies.page(None, 2, None)
    second = anomalies.page(None, 2, first.after)
    assert [len(first.items), len(second.items)] == [2, 1]
    assert second.items[0].id == found(0).id
