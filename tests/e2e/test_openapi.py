"""The API behaves as its OpenAPI document describes: schemathesis tries the running stack."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis

from local.cloud import Stack
from local.simulators.duitku.settings import Settings
from tests.support.length import by_length
from tests.support.providers import Duitku
from tests.support.seeding import dynamodb
from tests.support.users import TIMEOUT, Person, Users

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "docs" / "openapi.json"
PHASES = by_length("examples,fuzzing", *["examples,coverage,fuzzing,stateful"] * 2)
EXAMPLES, ENOUGH = by_length((2, 150), (4, 2000), (4, 2000))
"""Requests of each kind at most, and of both runs together at least."""
OWN = "openapi-test"
"""Id of the package and the course that the runs write; other tests buy others."""
HIGHEST_PRICE = 1_000_000_000
"""Rupiah, by the document; Duitku refuses less, which would be answered by 502."""
DISTINGUISHED = ["2xx", "400", "403", "404", "409", "422"]
"""Answers to a request that is valid by its schema, where rules go beyond the schema."""
SETTINGS = f"""
workers = 4
request-timeout = {TIMEOUT}
# All failures of a run are worth seeing.
continue-on-failure = true

[generation]
deterministic = true
max-examples = {EXAMPLES}
database = "none"
no-shrink = true

[phases.coverage]
# To a method that a path does not have, API Gateway answers 404 by itself, never 405.
unexpected-methods = []

[checks]
# As long as API Gateway waits: a shorter limit would measure a busy machine.
max_response_time = 30

# No JSON schema can express that a cursor is signed, that from lies before to, which course belongs
# to which package, which channels Duitku offers, which payment type to which token, which body to
# which Idempotency-Key.
[[operations]]
include-name-regex = "^GET /(payments|anomalies|enrollments)(/my-enrollments|/user/.*)?$"
checks.positive_data_acceptance.expected-statuses = {DISTINGUISHED}

[[operations]]
include-name-regex = "^(POST /payments(/initiate)?|POST /payment/initiate|GET /payments/methods)$"
checks.positive_data_acceptance.expected-statuses = {DISTINGUISHED}

# Nor which site is set up, and which state and code are valid.
[[operations]]
include-operation-id = "installThinkific"
headers = {{ Accept = "application/json" }}
checks.positive_data_acceptance.expected-statuses = {DISTINGUISHED}

[[operations]]
include-operation-id = "finishThinkificInstall"
checks.positive_data_acceptance.expected-statuses = {DISTINGUISHED}

# Nor which courses exist.
[[operations]]
include-operation-id = "putPackage"
parameters = {{ "path.id" = "{OWN}" }}
checks.positive_data_acceptance.expected-statuses = {DISTINGUISHED}

[[operations]]
include-operation-id = "putCourse"
parameters = {{ "path.id" = "{OWN}" }}
"""

type Json = dict[str, Any]


@pytest.fixture
def document(stack: Stack) -> Json:
    """Return the document that the API serves."""
    shown: Json = requests.get(f"{stack.api_url}/openapi.json", timeout=TIMEOUT).json()
    return shown


@pytest.fixture
def tidy(stack: Stack) -> Iterator[None]:
    """Let Duitku take every possible price; remove what the runs add to the catalog."""
    provider = Duitku(stack)
    usual = Settings.model_fields["maximum_amount"].default
    provider.do("settings", {"maximumAmount": HIGHEST_PRICE})
    yield
    provider.do("settings", {"maximumAmount": usual})
    database = dynamodb(stack)
    for kind in ("PACKAGE", "COURSE"):
        key = {"pk": {"S": f"CATALOG#{kind}"}, "sk": {"S": OWN}}
        database.delete_item(TableName=stack.table_name, Key=key)


def test_the_committed_document_is_served(document: Json) -> None:
    committed = json.loads(COMMITTED.read_text())

    assert document | {"servers": None} == committed | {"servers": None}


def test_the_document_is_valid(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()


def test_the_page_needs_no_other_host(stack: Stack) -> None:
    answer = requests.get(f"{stack.api_url}/docs", timeout=TIMEOUT)

    # Scripts and styles may contain addresses as text; the policy stops all requests to them.
    markup = re.sub(r"<(script|style)>.*?</\1>", "", answer.text, flags=re.DOTALL)
    assert "http" not in markup
    assert "//" not in markup
    assert "SwaggerUIBundle" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'self'" in policy
    assert "http" not in policy


def test_a_cached_page_is_not_sent_again(stack: Stack) -> None:
    url = f"{stack.api_url}/docs"
    tag = requests.get(url, timeout=TIMEOUT).headers["ETag"]

    again = requests.get(url, headers={"If-None-Match": tag}, timeout=TIMEOUT)

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.usefixtures("tidy", "thinkific")
def test_requests_of_every_kind_are_answered_as_documented(users: Users, tmp_path: Path) -> None:
    made = sum(explore(person, tmp_path / person.id) for person in (users.admin(), users.learner()))

    assert made >= ENOUGH


def explore(person: Person, folder: Path) -> int:
    """Have schemathesis try every operation as a person; return how many requests it made."""
    folder.mkdir()
    (folder / "settings.toml").write_text(SETTINGS)
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "settings.toml", "run"),
        *(COMMITTED, "--url", person.stack.api_url, "--checks", "all", "--no-color"),
        *("--header", f"Authorization: Bearer {person.token}"),
        *("--phases", PHASES, "--report", "json", "--report-json-path", "report.json"),
    )
    done = subprocess.run(  # noqa: S603  (our own command)
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((folder / "report.json").read_text())
    made: int = report["test_cases"]["generated"]
    return made
