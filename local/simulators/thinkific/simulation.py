"""Everything a running simulator holds, and the way back to its first state."""

from datetime import datetime

from starlette.requests import Request

from local.simulators.clock import SimulatedClock
from local.simulators.faults import FaultPlan
from local.simulators.thinkific.apps import App, configured_app
from local.simulators.thinkific.auth import Caller, Credentials
from local.simulators.thinkific.grants import Grants
from local.simulators.thinkific.seed import seeded_sites
from local.simulators.thinkific.settings import Knobs, Settings
from local.simulators.thinkific.site import Site
from local.simulators.thinkific.tokens import TokenStore
from local.simulators.thinkific.traffic import Traffic


class Simulation:
    """The sites, the apps, the clock, the knobs, the faults and the counts of one simulator."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SimulatedClock()
        self.faults = FaultPlan()
        app = configured_app(settings)
        self.apps: dict[str, App] = {app.client_id: app}
        self.reset()

    def reset(self) -> None:
        """Return to the seed, the real time, the default knobs, no faults and no counts.

        Apps stay as they were registered.
        """
        self.clock.reset()
        self.faults.clear()
        self.knobs = Knobs()
        self.tokens = TokenStore()
        self.grants = Grants(self.tokens)
        self.traffic = Traffic()
        self.sites = seeded_sites(self.settings, self.now())

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.clock.now()

    @property
    def credentials(self) -> Credentials:
        """Return what the credentials of a request are compared with."""
        return Credentials(self.sites, self.apps, self.tokens, self.knobs)

    def site(self, subdomain: str | None) -> Site | None:
        """Return a site with its postponed work done; None as subdomain is the configured one."""
        site = self.sites.get(subdomain or self.settings.subdomain)
        if site is not None:
            site.settle(self.now())
        return site


def simulation_of(request: Request) -> Simulation:
    """Return the simulation that serves the request."""
    simulation: Simulation = request.app.state.simulation
    return simulation


def site_of(request: Request) -> Site:
    """Return the site that the authenticated caller of the request speaks for."""
    caller: Caller = request.state.caller
    return caller.site
