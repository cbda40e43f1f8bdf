"""Thinkific as the course platform, with one API client for all calls."""

from lunas.platforms.thinkific.access import PresentAccess
from lunas.platforms.thinkific.catalog import SiteCatalog
from lunas.platforms.thinkific.client import LearnerAccess
from lunas.platforms.thinkific.external_orders import ExternalOrders
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.progress import LearnerProgress


class Thinkific(LearnerAccess, PresentAccess, SiteCatalog, LearnerProgress, ExternalOrders):
    """A site at Thinkific; CoursePlatform documents the methods.

    ``factor`` converts rupiah to the smallest unit of the currency in external orders.
    """

    def __init__(self, api: ThinkificApi, factor: int = 1) -> None:
        ExternalOrders.__init__(self, api, factor)
