"""The keys of every item; docs/reference/data-model.md shows which read each of them serves."""

from lunas.storage.expressions import Key

DUE_AT_GATEWAY, DUE_AT_PLATFORM = "GATEWAY", "DELIVERY"
"""Partitions of the index byDue: payments to ask the gateway about, deliveries to request again."""


def payment(payment_id: str) -> Key:
    """Key of a payment; its history shares the partition."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": "PAYMENT"}


def history(payment_id: str, version: int) -> Key:
    """Key of one history event; the padded version sorts as a number."""
    return {"pk": f"PAYMENT#{payment_id}", "sk": f"HISTORY#{version:06d}"}


def enrollment(enrollment_id: str) -> Key:
    """Key of an enrollment."""
    return {"pk": f"ENROLLMENT#{enrollment_id}", "sk": "ENROLLMENT"}


def open_purchase(user_id: str, package_id: str, course_id: str | None) -> Key:
    """Key of the slot for the one open payment of a user for a package and course."""
    return {"pk": f"OPEN#{len(user_id)}#{user_id}#{package_id}", "sk": f"COURSE#{course_id or ''}"}


def waiting_transfer(user_id: str, package_id: str, course_id: str | None) -> Key:
    """Key of the slot for the one transfer of a user for a package and course that waits."""
    slot = open_purchase(user_id, package_id, course_id)
    return {"pk": f"WAITING#{slot['pk'].partition('#')[2]}", "sk": slot["sk"]}


def learner(user_id: str) -> Key:
    """Key of the link from a user to their account at the platform."""
    return {"pk": f"LEARNER#{user_id}", "sk": "ACCOUNT"}


def account(account_id: int) -> str:
    """Partition of what is kept about an account at the platform."""
    return f"ACCOUNT#{account_id}"


def claims(account_id: int, course_id: int) -> Key:
    """Key of the claims on a course of an account, by the platform's ids of both."""
    return {"pk": account(account_id), "sk": f"COURSE#{course_id}"}


def package(package_id: str) -> Key:
    """Key of a package; all packages share a partition, since they are listed together."""
    return {"pk": "CATALOG#PACKAGE", "sk": package_id}


def course(course_id: str) -> Key:
    """Key of a course; all courses share a partition, since they are listed together."""
    return {"pk": "CATALOG#COURSE", "sk": course_id}


def anomaly(anomaly_id: str) -> Key:
    """Key of an anomaly."""
    return {"pk": f"ANOMALY#{anomaly_id}", "sk": "ANOMALY"}


def callback(order_id: str, digest: str) -> Key:
    """Key of a callback; all that name the same order share a partition."""
    return {"pk": f"CALLBACK#{order_id}", "sk": digest}


def owner(user_id: str, kind: str) -> str:
    """Partition of the index byOwner: what of one kind belongs to a user."""
    return f"{kind}#{user_id}"


def state(kind: str, value: str) -> str:
    """Partition of an index that holds what of one kind has one state or course."""
    return f"{kind}#{value}"


def pause() -> Key:
    """Key of the note that the gateway must not be asked by schedule for a while."""
    return {"pk": "RECONCILE", "sk": "GATEWAY"}


def call_limit(provider: str, site: str) -> Key:
    """Key of the share of calls that all workers have together at a peer's site."""
    return {"pk": f"LIMIT#{provider}", "sk": site}


def day_of_history(moment: str) -> str:
    """Partition of the index byKind that holds the history events of one day, by UTC."""
    return f"HISTORY#{moment[:10]}"


def audit(feed: str) -> Key:
    """Key of the note how far the audit has followed a trail."""
    return {"pk": "AUDIT", "sk": feed}


def oauth_start(digest: str) -> Key:
    """Key of a try to connect a site, by the digest of its state."""
    return {"pk": f"OAUTH#{digest}", "sk": "START"}


def oauth_grant() -> Key:
    """Key of the connected site, of which there is one."""
    return {"pk": "OAUTH", "sk": "SITE"}


def external_order(payment_id: str, kind: str) -> Key:
    """Key of the note how a sale or its refund was reported; both share a partition."""
    return {"pk": f"ORDER#{payment_id}", "sk": kind}


def platform_event(event_id: str) -> Key:
    """Key of the note that an event of the platform was dealt with."""
    return {"pk": f"EVENT#{event_id}", "sk": "EVENT"}


def sync_progress() -> Key:
    """Key of the note how far the progress sync has read what changed at the platform."""
    return {"pk": "CATCHUP", "sk": "PROGRESS"}
