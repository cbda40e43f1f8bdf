"""The id of an enrollment follows from its user and course."""

from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.enrollments import enrollment_id

PARTS = st.text(alphabet=st.sampled_from("ab:1#"), max_size=6)
PAIRS = st.tuples(PARTS, PARTS)


@given(PAIRS, PAIRS)
def test_two_purchases_share_an_id_only_when_user_and_course_are_the_same(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert (enrollment_id(*one) == enrollment_id(*other)) is (one == other)


def test_moving_text_between_user_and_course_gives_another_id() -> None:
    assert enrollment_id("ab", "c") != enrollment_id("a", "bc")
    assert enrollment_id("a:b", "c") != enrollment_id("a", "b:c")


@given(st.text(), st.text())
def test_an_id_is_valid_wherever_ids_are_used(user: str, course: str) -> None:
    made = enrollment_id(user, course)
    assert made.startswith("enr")
    assert made.isalnum()
    assert len(made) <= 64


def test_the_id_never_changes_between_releases() -> None:
    assert enrollment_id("u1", "c1") == "enrcddcd92518c1af0205aeb95c3d38c869"
