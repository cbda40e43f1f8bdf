"""A soak buys as many payments as are asked for, of every kind, and the same ones each time."""

import pytest

from tests.soak.plan import Callback, Way, baskets


@pytest.mark.parametrize("payments", [1, 2, 200, 2000])
def test_as_many_payments_are_planned_as_were_asked_for(payments: int) -> None:
    assert sum(len(basket.purchases) for basket in baskets(payments, 1)) == payments


def test_the_same_seed_makes_the_same_plan_and_another_one_another() -> None:
    assert list(baskets(50, 7)) == list(baskets(50, 7))
    assert list(baskets(50, 7)) != list(baskets(50, 8))


def test_everything_that_can_happen_is_in_the_plan_a_tenth_of_each_callback() -> None:
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
