"""The connected site in the table: tokens encrypted, states used once, one lock, no late writes."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lunas.aws import clients
from lunas.aws.encryption import TokenEncryption
from lunas.aws.settings import setting
from lunas.domain.errors import ConfigurationError
from lunas.domain.sites import START_LIFETIME, Connection, Grant, Start, Tokens
from lunas.storage import keys
from lunas.storage.sites import LOCK, Sites, connected_site
from lunas.storage.table import Table
from tests.support.builders import NOW

DAY = timedelta(days=1)
TOKENS = Tokens(access_token="at-first", refresh_token="rt-first")
NEWER = Tokens(access_token="at-newer", refresh_token="rt-newer")
CONNECTION = Connection(
    subdomain="shop",
    actor="admin:a1",
    connected_at=NOW,
    renewed_at=NOW,
    expires_at=NOW + DAY,
    revision=1,
    site_gid="gid-1",
)
START = Start(
    state="state-1",
    verifier="verifier-1",
    subdomain="shop",
    actor="admin:a1",
    expires_at=NOW + START_LIFETIME,
)


@pytest.fixture
def grants(table: Table) -> Sites:
    return Sites(table, TokenEncryption.from_environment())


def item(table: Table) -> dict[str, Any]:
    found = table.get(keys.oauth_grant())
    assert found
    return found


def test_a_connection_is_read_as_it_was_written(grants: Sites, table: Table) -> None:
    assert (grants.read(), connected_site(table)) == (None, None)
    assert grants.replace(CONNECTION, TOKENS) == CONNECTION
    assert grants.read() == Grant(connection=CONNECTION, tokens=TOKENS)
    assert connected_site(table) == CONNECTION


def test_no_token_is_readable_in_the_table(grants: Sites, table: Table) -> None:
    grants.replace(CONNECTION, TOKENS)
    written = repr({**item(table), "opened": base64.b64decode(item(table)["encrypted"])})
    assert "at-first" not in written
    assert "rt-first" not in written


@pytest.mark.parametrize(("stack", "subdomain"), [("other", "shop"), ("lunas-test", "evil")])
def test_tokens_are_decrypted_for_their_own_stack_and_site_only(
    grants: Sites, table: Table, stack: str, subdomain: str
) -> None:
    grants.replace(CONNECTION, TOKENS)
    encrypted = item(table)["encrypted"]
    with pytest.raises(ConfigurationError, match="TOKEN_KEY"):
        TokenEncryption(clients.kms(), setting("TOKEN_KEY"), stack).decrypt(encrypted, subdomain)
    assert TokenEncryption.from_environment().decrypt(encrypted, "shop") == TOKENS


def test_new_tokens_are_stored_under_the_next_revision(grants: Sites) -> None:
    grants.replace(CONNECTION, TOKENS)
    later = replace(CONNECTION, renewed_at=NOW + DAY, expires_at=NOW + 2 * DAY)
    kept = grants.renew(later, NEWER)
    assert kept == Grant(connection=replace(later, revision=2), tokens=NEWER)
    assert grants.read() == kept


def test_late_tokens_overwrite_nothing(grants: Sites) -> None:
    grants.replace(CONNECTION, TOKENS)
    again = grants.replace(CONNECTION, NEWER)
    assert again.revision == 2
    assert grants.renew(CONNECTION, TOKENS) is None
    assert not grants.refuse("lock")
    assert not grants.forget(CONNECTION)
    assert grants.read() == Grant(connection=again, tokens=NEWER)


def test_one_caller_at_a_time_has_the_lock(grants: Sites) -> None:
    grants.replace(CONNECTION, TOKENS)
    assert grants.lock(CONNECTION, NOW)
    assert grants.lock(CONNECTION, NOW + LOCK - timedelta(milliseconds=1)) is None
    assert grants.lock(CONNECTION, NOW + LOCK)


def test_the_lock_is_for_one_revision_and_ends_with_it(grants: Sites) -> None:
    grants.replace(CONNECTION, TOKENS)
    assert grants.lock(CONNECTION, NOW)
    kept = grants.renew(CONNECTION, NEWER)
    assert kept
    assert grants.lock(CONNECTION, NOW) is None
    assert grants.lock(kept.connection, NOW)


def test_only_the_holder_of_the_lock_records_a_refusal(grants: Sites) -> None:
    grants.replace(CONNECTION, TOKENS)
    first = grants.lock(CONNECTION, NOW)
    second = grants.lock(CONNECTION, NOW + LOCK)
    assert first
    assert second
    assert not grants.refuse(first)
    assert grants.refuse(second)
    read = grants.read()
    assert read
    assert read.connection == replace(CONNECTION, refused=True)
    assert grants.lock(CONNECTION, NOW + 2 * LOCK) is None


def refused(grants: Sites) -> Connection:
    """Connect a site, and have its renewal refused."""
    made = grants.replace(CONNECTION, TOKENS)
    lock = grants.lock(made, NOW)
    assert lock
    assert grants.refuse(lock)
    return made


def test_late_tokens_end_a_refusal(grants: Sites, table: Table) -> None:
    assert grants.renew(refused(grants), NEWER)
    stored = connected_site(table)
    assert stored
    assert not stored.refused


def test_a_new_install_ends_a_refusal(grants: Sites, table: Table) -> None:
    refused(grants)
    grants.replace(CONNECTION, NEWER)
    stored = connected_site(table)
    assert stored
    assert not stored.refused


def test_a_disconnected_site_leaves_no_token_and_its_revisions_continue(
    grants: Sites, table: Table
) -> None:
    grants.replace(CONNECTION, TOKENS)
    assert grants.forget(CONNECTION)
    assert (grants.read(), connected_site(table)) == (None, None)
    assert "encrypted" not in item(table)
    assert grants.renew(replace(CONNECTION, revision=1), NEWER) is None
    assert grants.replace(CONNECTION, NEWER).revision == 3


def test_an_install_attempt_is_used_once_by_its_state(table: Table) -> None:
    starts = Sites(table, TokenEncryption.from_environment())
    starts.keep(START)
    assert starts.take("state-2") is None
    assert starts.take("state-1") == START
    assert starts.take("state-1") is None


def test_an_install_attempt_expires_and_does_not_reveal_its_state(table: Table) -> None:
    Sites(table, TokenEncryption.from_environment()).keep(START)
    (written,) = table.client.scan(TableName=table.name)["Items"]
    assert int(written["ttl"]["N"]) - START.expires_at.timestamp() <= 1
    assert "state-1" not in repr(written)


def test_no_install_attempt_overwrites_another(table: Table) -> None:
    Sites(table, TokenEncryption.from_environment()).keep(START)
    Sites(table, TokenEncryption.from_environment()).keep(
        replace(START, subdomain="other", verifier="other")
    )
    assert Sites(table, TokenEncryption.from_environment()).take("state-1") == START
