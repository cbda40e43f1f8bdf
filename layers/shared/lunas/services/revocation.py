"""Taking an enrollment that was refunded back at the platform."""

from lunas.domain.access_claims import AccountLink
from lunas.domain.delivery import is_same_request, revoked
from lunas.domain.enrollments import Enrollment
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.payments import AuditContext
from lunas.services.courses import ACTOR, ROUNDS, Courier, DeliveryResult
from lunas.services.placement import leave_former
from lunas.services.shared_access import leave


def revoke(courier: Courier, enrollment: Enrollment) -> DeliveryResult | None:
    """End the learner's access to the course and note it; None if it was changed meanwhile.

    A delivery that was on its way when the refund came may have reached the platform without being
    noted. It cannot run beside this one, since a learner's requests are served in turn, and it
    has claimed where it was going before it asked. So all claims are followed. Safe to repeat
    after any crash. Raises DeliveryError, StorageContention.
    """
    link = courier.learners.link_of(enrollment.user_id)
    leave_former(courier, enrollment, link, link.account_id)
    leave(courier, enrollment.id, _accounts(enrollment, link))
    return _note(courier, enrollment)


def _accounts(enrollment: Enrollment, link: AccountLink) -> set[int]:
    """Return every account that may have got the course: as noted, linked, or linked before.

    The link is written before anything is enrolled, so there is no other; least of all by the
    address of the payment, which may be somebody else's.
    """
    known = {enrollment.delivery.platform_user_id, link.account_id, *link.former}
    return {account for account in known if account is not None}


def _note(courier: Courier, acted: Enrollment) -> DeliveryResult | None:
    for _ in range(ROUNDS):
        enrollment = courier.enrollments.get(acted.id)
        if enrollment is None or not is_same_request(acted, enrollment):
            return None
        after = revoked(enrollment, AuditContext(ACTOR, courier.now()))
        try:
            courier.enrollments.record_revocation(enrollment, after)
        except ConcurrentUpdate:
            continue
        return DeliveryResult.REVOKED
    raise StorageContention("others kept changing the same enrollment; try again")
