"""Fakes of the connected site, and of Thinkific's OAuth server with its rules."""

from dataclasses import replace
from datetime import datetime, timedelta

from lunas.domain.errors import GrantRefused
from lunas.domain.sites import Connection, Grant, Issue, Start, Tokens, challenge_of
from lunas.storage.sites import LOCK
from tests.support.interruptions import Interruption, interrupt

DAY = timedelta(days=1)


class FakeSites:
    """The connected site and attempts to connect, with the conditions of the real table.

    ``before_renew``, ``before_read`` and ``before_forget`` interrupt a step.
    """

    def __init__(self, grant: Grant | None = None) -> None:
        self.grant = grant
        self.locked: tuple[str, datetime] | None = None
        self.locks = 0
        self.before_renew: list[Interruption] = []
        self.before_read: list[Interruption] = []
        self.before_forget: list[Interruption] = []
        self.kept: dict[str, Start] = {}

    def keep(self, start: Start) -> None:
        self.kept[start.state] = start

    def take(self, state: str) -> Start | None:
        return self.kept.pop(state, None)

    def read(self) -> Grant | None:
        interrupt(self.before_read)
        return self.grant

    def connection(self) -> Connection | None:
        return self.grant.connection if self.grant else None

    def replace(self, connection: Connection, tokens: Tokens) -> Connection:
        revision = self.grant.connection.revision + 1 if self.grant else 1
        self.write(replace(connection, revision=revision), tokens)
        return replace(connection, revision=revision)

    def lock(self, connection: Connection, now: datetime) -> str | None:
        held = self.locked is not None and self.locked[1] > now
        if held or not self._stored(connection) or self._refused():
            return None
        self.locks += 1
        name = f"lock-{self.locks}"
        self.locked = (name, now + LOCK)
        return name

    def renew(self, connection: Connection, tokens: Tokens) -> Grant | None:
        interrupt(self.before_renew)
        if not self._stored(connection):
            return None
        self.write(replace(connection, revision=connection.revision + 1), tokens)
        return self.grant

    def refuse(self, lock: str) -> bool:
        mine = self.locked is not None and self.locked[0] == lock
        if not mine or self.grant is None:
            return False
        refused = replace(self.grant.connection, refused=True)
        self.grant = replace(self.grant, connection=refused)
        return True

    def forget(self, connection: Connection) -> bool:
        interrupt(self.before_forget)
        stored = self._stored(connection)
        if stored:
            self.grant = None
        return stored

    def write(self, connection: Connection, tokens: Tokens) -> None:
        """Store the connection and its tokens, and free the lock."""
        self.grant, self.locked = Grant(connection=connection, tokens=tokens), None

    def _stored(self, connection: Connection) -> bool:
        return self.grant is not None and self.grant.connection.revision == connection.revision

    def _refused(self) -> bool:
        return self.grant is not None and self.grant.connection.refused


class FakeOAuth:
    """The OAuth server. A code or a refresh token works once; ``before`` interrupts calls."""

    def __init__(self) -> None:
        self.codes: dict[str, tuple[str, str]] = {}
        self.refresh_token: str | None = "rt-1"
        self.issued = 1
        self.refreshes = 0
        self.revoked: list[tuple[str, str]] = []
        self.before: list[Interruption] = []
        self.after: list[Interruption] = []
        self.gives_refresh_token = True

    def authorize_url(self, subdomain: str, state: str, challenge: str) -> str:
        return f"https://{subdomain}.test/authorize?state={state}&code_challenge={challenge}"

    def allow(self, start: Start) -> str:
        """Approve an attempt; return the code."""
        code = f"code-of-{start.state}"
        self.codes[code] = (start.subdomain, challenge_of(start.verifier))
        return code

    def exchange(self, subdomain: str, code: str, verifier: str) -> Issue:
        interrupt(self.before)
        if self.codes.pop(code, None) != (subdomain, challenge_of(verifier)):
            raise GrantRefused("the OAuth server answered 400")
        return self._issue()

    def refresh(self, subdomain: str, refresh_token: str) -> Issue:
        del subdomain
        interrupt(self.before)
        if refresh_token != self.refresh_token:
            raise GrantRefused("the OAuth server answered 400")
        self.refreshes += 1
        issue = self._issue()
        interrupt(self.after)
        return issue

    def revoke(self, subdomain: str, token: str) -> None:
        interrupt(self.before)
        self.revoked.append((subdomain, token))

    def _issue(self) -> Issue:
        self.issued += 1
        self.refresh_token = f"rt-{self.issued}"
        refresh_token = self.refresh_token if self.gives_refresh_token else None
        return Issue(
            access_token=f"at-{self.issued}",
            refresh_token=refresh_token,
            lifetime=DAY,
            site_gid="gid-1",
        )
