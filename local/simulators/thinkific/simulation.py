"""Everything a running simulator holds, and the way back to its first state."""

import asyncio
import time
from datetime import datetime
from functools import partial
from itertools import count

import httpx
from starlette.requests import Request

from local.simulators.clock import SimulatedClock
from local.simulators.faults import FaultPlan
from local.simulators.thinkific.apps import App, configured_app
from local.simulators.thinkific.auth import Caller, Credentials
from local.simulators.thinkific.events import enrollment_event
from local.simulators.thinkific.grants import Grants
from local.simulators.thinkific.records import Enrollment, Event, PendingBundle, Webhook
from local.simulators.thinkific.scopes import ALL_SCOPES
from local.simulators.thinkific.seed import seeded_sites
from local.simulators.thinkific.sending_plans import SendingPlan, WebhookFaults
from local.simulators.thinkific.settings import Account, SimulatorSettings
from local.simulators.thinkific.site import Happening, Site
from local.simulators.thinkific.tokens import NO_END, AccessToken, TokenStore
from local.simulators.thinkific.traffic import Traffic
from local.simulators.thinkific.webhook_sender import WebhookSender, parcel


class Simulation:
    """The sites, the apps, the clock, the settings, the faults and the counts of one simulator."""

    def __init__(self, account: Account, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.account = account
        self.clock = SimulatedClock()
        self.faults = FaultPlan()
        self.webhook_faults = WebhookFaults()
        self.sender = WebhookSender(self.clock, transport)
        app = configured_app(account)
        self.apps: dict[str, App] = {app.client_id: app}
        self.sites: dict[str, Site] = {}
        self._event_ids = count(time.time_ns())
        self.reset()

    def reset(self) -> None:
        """Return to the seed, the real time, the default settings, no faults and no counts.

        Apps stay as they were registered, and ids of events are never used again: a receiver
        that keeps them to drop doubles lives longer than a reset.
        """
        self.clock.reset()
        self.faults.clear()
        self.webhook_faults.clear()
        self.sender.clear()
        self.settings = SimulatorSettings()
        self.tokens = _known_tokens(self.account)
        self.grants = Grants(self.tokens)
        self.traffic = Traffic()
        for site in self.sites.values():
            site.retire()
        self.sites = seeded_sites(self.account, self.now())
        for site in self.sites.values():
            site.listener = partial(self._happened, site)

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.clock.now()

    @property
    def credentials(self) -> Credentials:
        """Return what the credentials of a request are compared with."""
        return Credentials(self.sites, self.apps, self.tokens, self.settings)

    def site(self, subdomain: str | None) -> Site | None:
        """Return a site with its postponed work done; None as subdomain is the configured one."""
        site = self.sites.get(subdomain or self.account.subdomain)
        if site is not None:
            site.settle(self.now())
        return site

    def settle(self) -> None:
        """Carry out the postponed work of every site that is due by now."""
        for site in self.sites.values():
            site.settle(self.now())

    def postpone(self, site: Site, pending: PendingBundle) -> None:
        """Keep a bundle enrollment for later; it happens in time without a call."""
        site.postpone(pending)
        seconds = (pending.due - self.now()).total_seconds()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Served without a loop, in the process of a test: it happens at the next look.
            return
        loop.call_later(seconds, lambda: site.settle(self.now()))

    def send(self, site: Site, event: Event, webhook: Webhook, plan: SendingPlan) -> None:
        """Send an event to a webhook, signed with the key of its creator."""
        app = self.apps.get(webhook.client_id or "")
        key = app.client_secret if app else site.api_key
        self.sender.send(parcel(site, event, webhook, key, plan, self.settings))

    def _happened(self, site: Site, row: Enrollment, happening: Happening, now: datetime) -> None:
        """Keep an event and send it to the webhooks that subscribe to its topic."""
        event_id = str(next(self._event_ids))
        event = enrollment_event(event_id, site, row, happening, now, self.settings)
        site.events[event.id] = event
        for webhook in site.subscribers(event.topic):
            self.send(site, event, webhook, self.webhook_faults.take(event.topic))


def _known_tokens(account: Account) -> TokenStore:
    """Return the tokens that a site has from the start: the one that its settings name."""
    tokens = TokenStore()
    if account.access_token:
        tokens.keep(
            AccessToken(account.access_token, account.subdomain, "site_admin", NO_END, ALL_SCOPES)
        )
    return tokens


def simulation_of(request: Request) -> Simulation:
    """Return the simulation that serves the request."""
    simulation: Simulation = request.app.state.simulation
    return simulation


def site_of(request: Request) -> Site:
    """Return the site that the authenticated caller of the request speaks for."""
    caller: Caller = request.state.caller
    return caller.site
