"""The plan of a soak: the number of payments requested, of every kind, and reproducible."""

import pytest

from tests.soak.plan import Callback, Way, baskets


@pytest.mark.parametrize("payments", [1, 2, 200, 2000])
def test_the_plan_has_the_number_of_payments_requested(payments: int) -> None:
    assert sum(len(basket.purchases) for basket in baskets(payments, 1)) == payments


def test_a_plan_depends_on_its_seed_only() -> None:
    assert list(baskets(50, 7)) == list(baskets(50, 7))
    assert list(baskets(50, 7)) != list(baskets(50, 8))


def test_the_plan_covers_every_case_and_each_kind_of_callback() -> None:
    plan = list(baskets(2000, 1))
    bought = [purchase for basket in plan for purchase in basket.purchases]
    assert {each.way for each in bought} == set(Way)
    for callback in Callback:
        share = sum(each.callback is callback for each in bought) / len(bought)
        assert share > (0.25 if callback is Callback.HONEST else 0.08)
    assert any(basket.together for basket in plan)
    assert any(each.course is None for each in bought)
    assert any(each.refunded for each in bought)
    assert not all(each.pays for each in bought)
    assert len({basket.learner for basket in plan}) == len(plan)
