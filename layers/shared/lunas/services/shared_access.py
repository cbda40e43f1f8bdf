"""Bringing one course of one account at the platform in line with all that was paid for it.

Deliveries of one learner are served one after the other; those of two users who share an account
are not. A revocation may find no other claim, then a delivery of the other user finds an active
row and is done, and then the first ends the row. So whoever acts does it in this order:

1. write: count the version of the place up, with one's own claim or release;
2. read the other enrollments that claim the place;
3. act at the platform for all of them together, and note on each until when access is shared, if
   that is longer than what was paid for it, as long as the version has not moved;
4. read the version: if it moved since the write, go back to 2.

Then what stands there in the end is right. Every change of an enrollment is followed by a run
that begins after it. Take the run Z whose write is the last one: it reads after its write, so it
knows every change, and acts for the right access. A run Y that acts after Z with less knowledge
has read before Z's write; so it finds the version moved in step 4, and acts again, knowing all.
What Y then finds at the platform is at worst its own mistake, or that of another run which will
find the version moved as well. A run that dies is repeated by its message, since it was not noted
yet.

What is noted on the enrollments ends right by the same order, and more simply, since the note has
the version as its condition: after Z's write nobody notes anything who knows less. An enrollment
that moves claims two places for a while, and runs at both note on it. So whoever takes it away
from the one takes the note back, once its release keeps others from noting it again, and then
has the other place noted anew.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from lunas.domain.access_claims import Claims, Place, access_of, sharing
from lunas.domain.enrollments import Access, Enrollment
from lunas.domain.errors import DeliveryDelayed
from lunas.services.courses import ROUNDS, Courier

SOON = 5.0
"""Seconds until the next try where others kept acting on the same place."""


def give(
    courier: Courier, enrollment: Enrollment, place: Place, *, create: Callable[[], bool]
) -> int | None:
    """Have a place give what is paid for, the enrollment included; return the row's id.

    ``create`` is asked before each look whether to make a row that is not there. None: nothing
    that was paid for lasts any more, and what Lunas gave is ended. Raises DeliveryError.
    """

    def audit_context(claims: Claims, access: Access | None) -> int | None:
        if access is None:
            where = (place.account_id, place.course_id)
            courier.platform.revoke(*where, courier.now(), claims.given)
            return None
        return courier.platform.enroll(
            place.account_id,
            place.course_id,
            courier.now(),
            access.until,
            create=create(),
            given=claims.given,
        )

    claims = courier.claims.claim(place, enrollment.id, enrollment.expires_at)
    row_id, account = _until_nothing_moves(courier, claims, audit_context, enrollment)
    if _leave_all(courier, enrollment.id, account.values(), keep=place):
        _until_nothing_moves(courier, account[place], _nothing, enrollment)
    return row_id


def _nothing(_claims: Claims, _access: Access | None) -> None:
    """Leave the platform as it is: it was acted there already."""


def leave(courier: Courier, enrollment_id: str, accounts: Iterable[int]) -> None:
    """Take an enrollment away from every place of some accounts.

    What others have paid for there stays. Raises DeliveryError.
    """
    for account in sorted(accounts):
        _leave_all(courier, enrollment_id, courier.claims.of_account(account).values())


def _leave_all(
    courier: Courier, enrollment_id: str, claims: Iterable[Claims], keep: Place | None = None
) -> bool:
    """Take an enrollment away from places; tell whether there was any."""
    named = [each.place for each in claims if each.names(enrollment_id) and each.place != keep]
    for place in named:
        _leave(courier, enrollment_id, place)
    return bool(named)


def _leave(courier: Courier, enrollment_id: str, place: Place) -> None:
    def audit_context(claims: Claims, access: Access | None) -> None:
        where, now = (place.account_id, place.course_id), courier.now()
        if access is None:
            # Whoever got their money back must not have the course, whoever gave it.
            courier.platform.revoke(*where, now)
        else:
            # A row that is not there yet is made by the delivery of the one who paid for it.
            courier.platform.adjust(*where, now, access.until, claims.given)
        _take_back(courier, claims, enrollment_id)

    _until_nothing_moves(courier, courier.claims.release(place, enrollment_id), audit_context)
    courier.claims.forget(place, enrollment_id)


def _take_back(courier: Courier, claims: Claims, enrollment_id: str) -> None:
    """Note on an enrollment that moves away that it shares nothing in a place any more."""
    left = courier.enrollments.get(enrollment_id)
    if left is not None and left.shared is not None:
        # Nothing is written where it was refunded: then it shares nothing anyway.
        courier.claims.note_shared(claims, replace(left, shared=None), courier.now())


def _until_nothing_moves[T](
    courier: Courier,
    claims: Claims,
    audit_context: Callable[[Claims, Access | None], T],
    own: Enrollment | None = None,
) -> tuple[T, dict[Place, Claims]]:
    """Act until no other run has claimed or released the place meanwhile.

    Returns what the last act did, and all claims of the account as they were read after it.
    """
    for _ in range(ROUNDS):
        claiming = _claiming(courier, claims, own)
        access = access_of(claiming, courier.now())
        if access is not None and access.until not in claims.given:
            courier.claims.note_given(claims.place, access.until)
        done = audit_context(claims, access)
        for each in sharing(claiming):
            courier.claims.note_shared(claims, each, courier.now())
        account = courier.claims.of_account(claims.place.account_id)
        if account[claims.place].version == claims.version:
            return done, account
        claims = account[claims.place]
    raise DeliveryDelayed("others keep changing who has paid for the same course", SOON)


def _claiming(courier: Courier, claims: Claims, own: Enrollment | None) -> list[Enrollment]:
    """Read the enrollments that claim a place; one's own is known as it was when the run began.

    Whatever changed it since has asked for a run of its own, which comes after this one. Only
    what is shared is read anew, for others note that without asking for anything.
    """
    if own is None:
        return courier.enrollments.get_many(sorted(claims.enrollment_ids))
    if claims.enrollment_ids == {own.id}:
        return [own]
    ids = claims.enrollment_ids | {own.id}
    read = {each.id: each for each in courier.enrollments.get_many(sorted(ids))}
    return list((read | {own.id: replace(own, shared=read[own.id].shared)}).values())
