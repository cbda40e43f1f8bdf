"""What the sites hold before the first call: a small Indonesian academy, and a second site."""

from datetime import datetime, timedelta

from local.simulators.thinkific.records import Bundle, Course, CustomField, Product, User
from local.simulators.thinkific.settings import Account
from local.simulators.thinkific.site import Site

SECOND_SUBDOMAIN = "kelas-mitra"
SECOND_API_KEY = "kunci-situs-kedua-0123456789abcd"

COURSES = (
    ("Dasar Pemrograman Python", "dasar-pemrograman-python", 49_000),
    ("Literasi Data dengan Spreadsheet", "literasi-data-spreadsheet", 49_000),
    ("Analisis Data dengan SQL", "analisis-data-sql", 90_000),
    ("Pengembangan Web dengan Django", "pengembangan-web-django", 90_000),
    ("Statistika Terapan untuk Bisnis", "statistika-terapan-bisnis", 90_000),
    ("Analisis Data dengan SQL untuk Manajer", "analisis-data-sql-manajer", 90_000),
)
NEW_BUILDER_COURSE = ("Pengantar Kecerdasan Buatan", "pengantar-kecerdasan-buatan", 90_000)
BUNDLE = ("Paket Python dan SQL", "paket-python-sql", 130_000)
BUNDLED = ("Dasar Pemrograman Python", "Analisis Data dengan SQL")
REQUIRED_FIELD = CustomField(id=7_000_001, label="Nomor WhatsApp")
OWNER_EMAIL = "pemilik@lunas.example"
LEARNER_EMAIL = "siti.aminah@belajar.example"


def seeded_sites(account: Account, now: datetime) -> dict[str, Site]:
    """Return the sites by subdomain: the configured one, and a second one with its own key."""
    sites = {
        SECOND_SUBDOMAIN: _second_site(now),
        account.subdomain: _primary_site(account, now),
    }
    return dict(reversed(sites.items()))


def _primary_site(account: Account, now: datetime) -> Site:
    site = Site(account.subdomain, account.api_key)
    for name, slug, price in COURSES:
        _add_course(site, name, slug, price)
    _add_course(site, *NEW_BUILDER_COURSE, new_builder=True)
    _add_bundle(site)
    site.required_fields.append(REQUIRED_FIELD)
    _add_user(site, OWNER_EMAIL, "Bayu Pratama", now, role="site_admin")
    learner = _add_user(site, LEARNER_EMAIL, "Siti Aminah", now)
    learner.custom_values[REQUIRED_FIELD.id] = "081200000001"
    return site


def _second_site(now: datetime) -> Site:
    site = Site(SECOND_SUBDOMAIN, SECOND_API_KEY, number=1)
    _add_course(site, "Menulis Laporan Ilmiah", "menulis-laporan-ilmiah", 75_000)
    _add_user(site, "pengelola@mitra.example", "Dewi Lestari", now, role="site_admin")
    return site


def _add_course(site: Site, name: str, slug: str, price: int, *, new_builder: bool = False) -> None:
    course = Course(site.next_id(Course), site.next_id(Product), name, slug, new_builder)
    product = Product(course.product_id, name, slug, "Course", course.id, price, new_builder)
    site.courses[course.id] = course
    site.products[product.id] = product


def _add_bundle(site: Site) -> None:
    name, slug, price = BUNDLE
    course_ids = tuple(course.id for course in site.courses.values() if course.name in BUNDLED)
    bundle = Bundle(site.next_id(Bundle), site.next_id(Product), name, course_ids)
    product = Product(bundle.product_id, name, slug, "Bundle", bundle.id, price)
    site.bundles[bundle.id] = bundle
    site.products[product.id] = product


def _add_user(site: Site, email: str, name: str, now: datetime, role: str | None = None) -> User:
    first, last = name.split()
    joined = now - timedelta(days=30)
    user = User(site.next_id(User), email, first, last, joined, roles=[role] if role else [])
    site.users[user.id] = user
    return user
