"""Chooses the catalog: Lunas' own, or that of the owner's package service."""

from functools import cache
from typing import TYPE_CHECKING

from lunas.api.auth import SECRET
from lunas.aws.secrets import secret
from lunas.aws.settings import optional
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table

if TYPE_CHECKING:
    from lunas.package_service.catalog import PackageServiceProvider
    from lunas.services.repositories import CatalogRepository

SETTING = "PACKAGE_SERVICE_URL"


def catalog(table: Table) -> "CatalogRepository":
    """Return the catalog to read: the package service's if its URL is set."""
    url = optional(SETTING)
    if url is None:
        return Catalog(table)
    # Slow to import, and only needed where a package service is configured.
    from lunas.package_service.catalog import PackageServiceCatalog  # noqa: PLC0415

    return PackageServiceCatalog(table, _provider(url))


@cache
def _provider(url: str) -> "PackageServiceProvider":
    """Return the provider of this process, which caches answers."""
    from lunas.package_service.catalog import (  # noqa: PLC0415
        PackageServiceProvider,
        service_headers,
    )

    return PackageServiceProvider(url, lambda: service_headers(secret(SECRET), "packages:read"))
