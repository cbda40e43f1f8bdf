"""Thinkific as the course platform: all that Lunas does there, with one API client."""

from lunas.platforms.thinkific.access import PresentAccess
from lunas.platforms.thinkific.catalog import SiteCatalog
from lunas.platforms.thinkific.client import LearnerAccess
from lunas.platforms.thinkific.external_orders import ExternalOrders
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.progress import LearnerProgress


class Thinkific(LearnerAccess, PresentAccess, SiteCatalog, LearnerProgress, ExternalOrders):
    """A site at Thinkific; see CoursePlatform for what each method does.

    ``factor`` is how many smallest units of its currency a rupiah has in external orders.
    """

    def __init__(self, api: ThinkificApi, factor: int = 1) -> None:
        ExternalOrders.__init__(self, api, factor)
