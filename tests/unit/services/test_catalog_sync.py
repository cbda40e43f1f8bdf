"""The catalog sync records what the platform's site shows, by the platform's own ids."""

from lunas.services.catalog_sync import CatalogSyncService
from tests.support.builders import bundle, course
from tests.support.platforms.site import PlatformSite
from tests.unit.services.fakes import FakeCatalog, FakeStore


def synced(site: PlatformSite, store: FakeStore) -> CatalogSyncService:
    return CatalogSyncService(catalog=FakeCatalog(store), platform=site.platform)


def test_a_course_is_mapped_until_the_site_no_longer_shows_it(site: PlatformSite) -> None:
    store, mapped = FakeStore(), site.course(1)
    store.add(course("c1", platform_course_id=mapped))
    (pair,) = synced(site, store).sync().mapped
    assert (pair.id, pair.platform_id) == ("c1", mapped)
    assert store.courses["c1"].platform_name
    site.remove_course(mapped)
    (gone,) = synced(site, store).sync().gone
    assert (gone.id, gone.platform_id) == ("c1", mapped)
    assert store.courses["c1"].gone


def test_a_bundle_of_the_same_courses_is_proposed(site: PlatformSite) -> None:
    store, courses = FakeStore(), [site.course(1), site.course(2)]
    for name, mapped in zip(("c1", "c2"), courses, strict=True):
        store.add(course(name, platform_course_id=mapped))
    store.packages["b1"] = bundle("c1", "c2")
    added = site.add_bundle(courses)
    (pair,) = synced(site, store).sync().bundles.proposed
    assert (pair.id, pair.platform_id) == ("b1", added)
