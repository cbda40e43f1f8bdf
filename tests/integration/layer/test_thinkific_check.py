"""``make thinkific-check``: every fault of a site is found and explained."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from local.simulators.faults import Fault
from local.simulators.thinkific.app import create_app
from local.simulators.thinkific.records import User
from local.simulators.thinkific.settings import Account
from local.simulators.thinkific.simulation import Simulation
from lunas.cli import __main__ as cli
from lunas.cli.stacks import DeployedStack
from lunas.cli.thinkific_check.command import TrialLearner, check
from lunas.cli.thinkific_check.findings import summary
from lunas.cli.thinkific_check.rights import Caller
from lunas.cli.thinkific_check.sites import CheckedSite, from_environment, reports_sales
from lunas.platforms.thinkific.credentials import ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.storage.catalog import Catalog
from tests.support.builders import bundle, course
from tests.support.http_stub import StubLimiter
from tests.support.in_process import InProcess

URL, SUBDOMAIN, KEY = "https://thinkific.test", "shop", "k" * 32
LEARNER = "percobaan@lunas.example"
PYTHON, BUNDLE = 2_000_001, 4_000_001


@dataclass
class Visit:
    """A site to check, with faults that a test asks for."""

    simulation: Simulation
    session: requests.Session
    catalog: Catalog | None = None
    opens: Credentials = ApiKey(SUBDOMAIN, KEY)  # noqa: RUF009  (frozen)
    reports_sales: bool = False

    def set(self, **settings: Any) -> None:
        """Change settings of the simulator."""
        self.simulation.settings = self.simulation.settings.changed(settings)

    def fault(self, route: str, **more: Any) -> None:
        """Give a route another answer, permanently."""
        self.simulation.faults.add(Fault(route, "answer", times=1_000, **more))

    def token(self, *scopes: str, role: str = "site_admin") -> None:
        """Open the site with a token that has these scopes only."""
        ends = self.simulation.now().replace(year=2100)
        token = self.simulation.tokens.issue(SUBDOMAIN, role, ends, frozenset(scopes))
        self.opens = Bearer(lambda: token.value)

    def lines(self, enroll: str = "", of: str = "") -> list[str]:
        """Check the site; return all lines."""
        site = ThinkificSite(URL, self.opens)
        api = ThinkificApi(site, StubLimiter(), session=self.session)
        caller = Caller(site, api, self.session, reports_sales=self.reports_sales)
        checked = CheckedSite(caller, self.catalog, "test")
        found = list(check(checked, TrialLearner(enroll, of)))
        line, code = summary(found)
        assert code == any(each.fix for each in found)
        return [*(str(each) for each in found), line]

    def to_fix(self, enroll: str = "", of: str = "") -> list[str]:
        """Check the site; return what is to fix."""
        return [line for line in self.lines(enroll, of) if line.startswith("FIX")]


@pytest.fixture
def visit() -> Iterator[Visit]:
    app = create_app(Account(SUBDOMAIN, KEY, "client", "client-secret"))
    with requests.Session() as session:
        session.mount("https://", InProcess(app))
        yield Visit(app.state.simulation, session)


def test_a_site_that_allows_everything_has_nothing_to_fix(visit: Visit) -> None:
    lines = visit.lines()
    assert lines[0].startswith("ok    6 courses read")
    assert lines[-1] == "thinkific-check: nothing to fix"


def test_courses_are_read_through_all_pages(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lunas.platforms.thinkific.enrollments.PAGE", 2)
    assert visit.lines()[0].startswith("ok    6 courses read")


def test_the_check_changes_nothing_at_the_site(visit: Visit) -> None:
    site = visit.simulation.site(None)
    assert site
    users = len(site.users)
    visit.lines()
    assert (len(site.users), site.enrollments, site.external_orders) == (users, {}, {})


@pytest.mark.parametrize("settings", [{"apiPlan": False}, None], ids=["plan", "key"])
def test_an_unknown_key_or_a_plan_without_the_api_is_explained(
    visit: Visit, settings: dict[str, Any] | None
) -> None:
    visit.opens = ApiKey(SUBDOMAIN, KEY if settings else "x")
    visit.set(**settings or {})
    (line,) = visit.to_fix()
    assert "401" in line
    assert "plan" in line
    assert "subdomain" in line


SCOPES = (
    "read:courses",
    "read:users",
    "write:users",
    "read:products",
    "read:enrollments",
    "write:enrollments",
    "write:external_orders",
)


@pytest.mark.parametrize("missing", SCOPES)
def test_a_missing_scope_is_named(visit: Visit, missing: str) -> None:
    visit.reports_sales = True
    visit.token(*(scope for scope in SCOPES if scope != missing))
    (line,) = visit.to_fix()
    assert f"the scope {missing} " in line


def test_a_students_token_is_explained(visit: Visit) -> None:
    visit.token(*SCOPES, role="student")
    (line,) = visit.to_fix()
    assert "owner or admin" in line


def test_a_plan_without_apps_matters_only_where_sales_are_reported(visit: Visit) -> None:
    visit.set(appsPlan=False)
    assert visit.to_fix() == []
    assert any("ExternalOrders is off" in line for line in visit.lines())
    visit.reports_sales = True
    (line,) = visit.to_fix()
    assert "reporting sales" in line
    assert "plan" in line


@pytest.mark.parametrize("status", [401, 404, 500])
def test_webhooks_that_cannot_be_listed_are_found(visit: Visit, status: int) -> None:
    visit.fault("listWebhooks", status=status)
    (line,) = visit.to_fix()
    assert f"webhooks (API v2): refused ({status})" in line


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 429}, "limit is used up"),
        ({"status": 503, "body": "<html>"}, "no usable response"),
        ({"status": 404}, "address of the API"),
        ({"status": 422, "body": "{}"}, "refused"),
    ],
    ids=["429", "503", "404", "422"],
)
def test_a_site_that_does_not_answer_is_explained(
    visit: Visit, fault: dict[str, Any], words: str
) -> None:
    visit.fault("listCourses", **fault)
    (line,) = visit.to_fix()
    assert words in line


def test_a_user_agent_is_sent_with_every_call(visit: Visit) -> None:
    visit.set(requireUserAgent=True)
    assert visit.to_fix() == []


# ── The catalog ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sold(visit: Visit, catalog: Catalog) -> Visit:
    """Have a stack whose two courses and bundle match the site."""
    catalog.put_course(course("c2", name="SQL", platform_course_id="2000003"))
    visit.catalog = catalog
    return visit


def test_a_matching_catalog_has_nothing_to_fix(sold: Visit) -> None:
    assert sold.to_fix() == []
    assert "ok    2 courses of the catalog are mapped and shown by the site" in sold.lines()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"platform_course_id": None}, "not mapped: it cannot be sold"),
        (
            {"platform_course_id": None, "name": "Dasar Pemrograman Python"},
            "the site's course of that name has the id 2000001",
        ),
        ({"platform_course_id": 3_000_001}, "a product's id; the course of it is 2000001"),
        ({"platform_course_id": 2_999_999}, "422 names the course"),
    ],
    ids=["unmapped", "namesake", "product id", "gone"],
)
def test_a_course_that_cannot_be_delivered_is_found(
    sold: Visit, changes: dict[str, Any], words: str
) -> None:
    assert sold.catalog
    sold.catalog.put_course(course("c1", **changes))
    (line,) = sold.to_fix()
    assert "course c1" in line
    assert words in line


@pytest.mark.parametrize(("setting", "found"), [("accept", 0), ("refuse", 1)])
def test_a_course_of_the_new_builder_is_found_where_it_cannot_be_enrolled_in(
    sold: Visit, setting: str, found: int
) -> None:
    sold.set(newBuilderEnrollment=setting)
    site = sold.simulation.site(None)
    assert site
    assert sold.catalog
    hidden = next(each for each in site.courses.values() if each.new_builder)
    sold.catalog.put_course(course("c1", platform_course_id=hidden.id))
    assert len(sold.to_fix()) == found
    assert any("new course builder" in line and "course c1" in line for line in sold.lines())


@pytest.mark.parametrize(
    ("bundle_id", "words"),
    [(4_999_999, "has no bundle 4999999"), (BUNDLE, "holds other courses")],
    ids=["gone", "differs"],
)
def test_a_mismatched_bundle_is_found(sold: Visit, bundle_id: int, words: str) -> None:
    assert sold.catalog
    site = sold.simulation.site(None)
    assert site
    held = replace(site.bundles[BUNDLE], course_ids=(PYTHON,))
    site.bundles[BUNDLE] = held
    sold.catalog.put_package(replace(bundle("c1", "c2"), platform_bundle_id=str(bundle_id)))
    (line,) = sold.to_fix()
    assert words in line


def test_a_renamed_course_is_shown_and_is_nothing_to_fix(sold: Visit) -> None:
    assert sold.catalog
    found = sold.catalog.course("c1")
    assert found
    sold.catalog.note_platform_name(found, "Formerly")
    assert sold.to_fix() == []
    assert any("formerly Formerly" in line for line in sold.lines())


# ── The test learner ─────────────────────────────────────────────────────────────────────────────


def accesses(visit: Visit) -> list[bool]:
    """Return whether each enrollment at the site gives access."""
    site, now = visit.simulation.site(None), visit.simulation.now()
    assert site
    return [bool(each.activated_at) and not each.expired(now) for each in site.enrollments.values()]


@pytest.mark.parametrize("named", ["c1", str(PYTHON)])
def test_a_test_learner_is_enrolled_and_revoked_again(sold: Visit, named: str) -> None:
    assert sold.to_fix(LEARNER, named) == []
    assert accesses(sold) == [False]
    lines = sold.lines(LEARNER, named)
    assert any("read back and active" in line for line in lines)
    assert any("read back and ended" in line for line in lines)
    assert accesses(sold) == [False]


def test_an_existing_learner_is_left_alone(visit: Visit) -> None:
    site, now = visit.simulation.site(None), visit.simulation.now()
    assert site
    user = User(site.next_id(User), LEARNER, "Budi", "Santoso", now)
    site.users[user.id] = user
    site.enroll(user.id, PYTHON, {"activated_at": now}, now)
    (line,) = visit.to_fix(LEARNER, str(PYTHON))
    assert "nothing was changed" in line
    assert accesses(visit) == [True]


@pytest.mark.parametrize("named", ["", "nothing", "c9"])
def test_an_unknown_course_is_asked_for(sold: Visit, named: str) -> None:
    (line,) = sold.to_fix(LEARNER, named)
    assert "COURSE=id" in line


def test_a_course_that_refuses_the_test_learner_is_named(visit: Visit) -> None:
    (line,) = visit.to_fix(LEARNER, "2999999")
    assert "enrolling in course 2999999: refused" in line
    assert "new course builder" in line


def test_a_refused_address_is_reported(visit: Visit) -> None:
    visit.fault("createUser", status=422, body='{"errors": {"email": ["is invalid"]}}')
    assert any("creating the test learner: refused" in line for line in visit.to_fix(LEARNER, "1"))


def test_an_enrollment_that_cannot_be_read_back_is_reported(visit: Visit) -> None:
    visit.fault("getEnrollment", status=500)
    assert any(
        "revoking it: no usable response" in line for line in visit.to_fix(LEARNER, str(PYTHON))
    )


# ── Which site ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("key", "header"), [(KEY, "X-Auth-API-Key"), ("t" * 40, "Authorization")])
def test_the_environment_names_a_site_and_a_long_key_is_a_token(key: str, header: str) -> None:
    given = {"THINKIFIC_API_KEY": key, "THINKIFIC_SUBDOMAIN": SUBDOMAIN}
    found = from_environment(given)
    assert found
    assert found.catalog is None
    assert header in found.caller.site.headers()
    assert found.caller.site.api_url == "https://api.thinkific.com"


def test_a_key_without_a_subdomain_is_no_site() -> None:
    assert from_environment({"THINKIFIC_API_KEY": KEY}) is None


def test_without_a_site_and_without_a_stack_the_command_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("THINKIFIC_API_KEY", raising=False)
    assert cli.main(["thinkific-check", "--state", str(tmp_path)]) == 1
    assert "no stack is up" in capsys.readouterr().err


class CloudFormation:
    """CloudFormation with one stack."""

    def __init__(self, reports: str) -> None:
        self._parameters = {"ExternalOrders": reports, "LogLevel": "INFO"}

    def client(self, service: str, **_: Any) -> Any:
        assert service == "cloudformation"
        return self

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        shown = [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in self._parameters.items()
        ]
        return {"Stacks": [{"Parameters": shown}]}


@pytest.mark.parametrize(("setting", "reports"), [("true", True), ("false", False)])
def test_a_stack_shows_whether_it_reports_its_sales(setting: str, reports: bool) -> None:
    session: Any = CloudFormation(setting)
    assert reports_sales(DeployedStack("dev", "lunas-dev", "eu", {}, session)) is reports
