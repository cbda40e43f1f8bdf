"""The keys of every item; docs/reference/data-model.md lists the reads that use them."""

from lunas.storage.expressions import Item, Key


def id_of(item: Item) -> str:
    """Return the id of a payment, an enrollment or an anomaly, which its key contains."""
    return str(item["pk"].partition("#")[2])


def payment(payment_id: str) -> Key:
    """Key of a payment; its history shares the partition."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": "PAYMENT"}


def history(payment_id: str, version: int) -> Key:
    """Key of the history from a version on; the padded version sorts as a number."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": f"HISTORY#{version:06d}"}


def enrollment(enrollment_id: str) -> Key:
    """Key of an enrollment."""
    return {"pk": f"ENROLLMENT#{enrollment_id}", "sk": "ENROLLMENT"}


def open_purchase(user_id: str, package_id: str, course_id: str | None) -> Key:
    """Key of the slot for the one open payment of a user for a package and course."""
    return {"pk": f"OPEN#{len(user_id)}#{user_id}#{package_id}", "sk": f"COURSE#{course_id or ''}"}


def waiting_transfer(user_id: str, package_id: str, course_id: str | None) -> Key:
    """Key of the slot for the one waiting transfer of a user for a package and course."""
    slot = open_purchase(user_id, package_id, course_id)
    return {"pk": f"WAITING#{slot['pk'].partition('#')[2]}", "sk": slot["sk"]}


def learner(user_id: str) -> Key:
    """Key of the link from a user to their account at the platform."""
    return {"pk": f"LEARNER#{user_id}", "sk": "ACCOUNT"}


def account(account_id: str) -> str:
    """Partition of an account at the platform."""
    return f"ACCOUNT#{account_id}"


def claims(account_id: str, course_id: str) -> Key:
    """Key of the claims on a place, by the platform's ids of account and course."""
    return {"pk": account(account_id), "sk": f"COURSE#{course_id}"}


def package(package_id: str) -> Key:
    """Key of a package; all share a partition, since they are listed together."""
    return {"pk": "CATALOG#PACKAGE", "sk": package_id}


def course(course_id: str) -> Key:
    """Key of a course; all share a partition, since they are listed together."""
    return {"pk": "CATALOG#COURSE", "sk": course_id}


def anomaly(anomaly_id: str) -> Key:
    """Key of an anomaly."""
    return {"pk": f"ANOMALY#{anomaly_id}", "sk": "ANOMALY"}


def callback(order_id: str, digest: str) -> Key:
    """Key of a callback; all callbacks of an order share a partition."""
    return {"pk": f"CALLBACK#{order_id}", "sk": digest}


def pause() -> Key:
    """Key of the item that pauses scheduled calls to the gateway."""
    return {"pk": "RECONCILE", "sk": "GATEWAY"}


def call_limit(provider: str, site: str) -> Key:
    """Key of the rate limiter that all callers of a provider's site share."""
    return {"pk": f"LIMIT#{provider}", "sk": site}


def audit(feed: str) -> Key:
    """Key of the audit's checkpoint in a feed."""
    return {"pk": "AUDIT", "sk": feed}


def oauth_start(digest: str) -> Key:
    """Key of an attempt to connect a site, by the digest of its state."""
    return {"pk": f"OAUTH#{digest}", "sk": "START"}


def oauth_grant() -> Key:
    """Key of the one connected site."""
    return {"pk": "OAUTH", "sk": "SITE"}


def external_order(payment_id: str, kind: str) -> Key:
    """Key of the report of a sale or of its refund; both share a partition."""
    return {"pk": f"ORDER#{payment_id}", "sk": kind}


def platform_event(event_id: str) -> Key:
    """Key of a processed event of the platform."""
    return {"pk": f"EVENT#{event_id}", "sk": "EVENT"}


def sync_progress() -> Key:
    """Key of the progress sync's position."""
    return {"pk": "CATCHUP", "sk": "PROGRESS"}
