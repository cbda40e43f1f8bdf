"""What is asked after a deploy, one check at a time. A check gives what is wrong and what to do.

No check shows a secret: it says which field of which is missing.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import requests

from local.cloud.addresses import ALIAS
from local.smoke.asked import Asked
from local.zones import unknown_zone

type Problems = Iterator[str]
type Check = Callable[[Asked], Problems]

TIMEOUT = 30
KEY_LENGTH = 32
FUNCTION, QUEUE, ALARM = "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::CloudWatch::Alarm"
SCHEDULE, MAPPING = "AWS::Scheduler::Schedule", "AWS::Lambda::EventSourceMapping"
LEFT_BEHIND = (
    "DeadLetterQueue",
    "SaleReportDeadLetterQueue",
    "ProgressDeadLetterQueue",
    "UnpublishedQueue",
)
OPENS = {
    "api-key": ("apiKey",),
    "access-token": ("accessToken",),
    "oauth": ("clientId", "clientSecret"),
}
"""What the Thinkific secret has to hold, by how Lunas authenticates."""
SECRETS = "docs/deploy.md, Fill in the secrets"


def health(asked: Asked) -> Problems:
    """Check that the API answers and shows its document."""
    api = asked.outputs["ApiUrl"].rstrip("/")
    for path in ("/health", "/openapi.json"):
        status = _status("GET", f"{api}{path}")
        if status != HTTPStatus.OK:
            yield f"GET {path} is answered {status}: look at docs/runbooks/api-errors.md"


def region(asked: Asked) -> Problems:
    """Check that the stack lies in the region of samconfig.toml."""
    arn = asked.outputs["TokenKeyArn"]
    if arn.split(":")[3] != asked.region:
        yield f"the stack lies in {arn.split(':')[3]}, samconfig.toml says {asked.region}"


def function_url(asked: Asked) -> Problems:
    """Check that Lunas answers what is no callback, and AWS does not refuse it."""
    status = _status("POST", asked.outputs["DuitkuWebhookUrl"])
    if status == HTTPStatus.FORBIDDEN:
        yield (
            "the Function URL refuses everybody: its policy has to allow lambda:InvokeFunctionUrl "
            "and lambda:InvokeFunction to all; deploy again with the SAM of make setup"
        )
    elif status != HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        yield f"a call that is no callback is answered {status} instead of 415: see url-errors.md"


def callback_address(asked: Asked) -> Problems:
    """Check that invoices carry the address at which Duitku reaches the stack."""
    address = asked.environment_of("InitiatePaymentFunction").get("DUITKU_CALLBACK_URL", "")
    if not address:
        yield "no callback address is set: leave DuitkuCallbackUrl empty or give an address"
    elif not asked.is_local and not address.startswith("https://"):
        yield f"the callback address {address} is no https address: correct DuitkuCallbackUrl"
    elif "example.com" in address:
        yield f"the callback address {address} is an example: correct DuitkuCallbackUrl"


def return_address(asked: Asked) -> Problems:
    """Check that buyers come back from Duitku's page to the shop."""
    address = asked.environment_of("InitiatePaymentFunction").get("RETURN_URL", "")
    if not asked.is_local and "example.com" in address:
        yield "buyers come back to example.com: set ReturnUrl in samconfig.toml"


def time_zone(asked: Asked) -> Problems:
    """Check that the days of the shop are those of a time zone."""
    problem = unknown_zone(asked.environment_of("PaymentsFunction").get("TIME_ZONE", ""))
    if problem:
        yield problem


def secrets(asked: Asked) -> Problems:
    """Check that what opens Duitku, Thinkific and the API is filled in."""
    yield from _missing_of_auth(_secret(asked, "AuthSecretId"), asked)
    yield from _missing("Duitku", _secret(asked, "DuitkuSecretId"), ("merchantCode", "apiKey"))
    way = asked.environment_of("DeliverEnrollmentFunction").get("THINKIFIC_AUTHENTICATION", "")
    yield from _missing(
        "Thinkific", _secret(asked, "ThinkificSecretId"), OPENS.get(way, OPENS["api-key"])
    )


def functions(asked: Asked) -> Problems:
    """Check that every function has its alias with one version, and may run."""
    client = asked.client("lambda")
    for logical, name in asked.of_type(FUNCTION).items():
        try:
            alias = client.get_alias(FunctionName=name, Name=ALIAS)
        except client.exceptions.ResourceNotFoundException:
            yield f"{logical} has no alias {ALIAS}: deploy again"
            continue
        if alias["FunctionVersion"] == "$LATEST":
            yield f"the alias of {logical} names no version: deploy again"
        if (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            yield f"{logical} is still shifting to its new version: wait, or stop the deployment"
        reserved = client.get_function_concurrency(FunctionName=name)
        if reserved.get("ReservedConcurrentExecutions") == 0:
            yield f"{logical} may not run at all, 0 is reserved for it: correct the parameter"


def sources(asked: Asked) -> Problems:
    """Check that streams and queues are read."""
    client = asked.client("lambda")
    reports = asked.parameters.get("ExternalOrders")
    for logical, uuid in asked.of_type(MAPPING).items():
        state = client.get_event_source_mapping(UUID=uuid)["State"]
        optional = "Orders" in logical and reports != "true"
        if state not in {"Enabled", "Enabling", "Updating", "Creating"} and not optional:
            yield f"{logical} is {state}: switch the event source mapping on again"


def schedules(asked: Asked) -> Problems:
    """Check that what heals and proves runs by itself."""
    client = asked.client("scheduler")
    found = asked.of_type(SCHEDULE)
    if not found:
        yield "the stack has no schedule: deploy again"
    for logical, name in found.items():
        state = client.get_schedule(Name=name.rpartition("|")[2].rpartition("/")[2])["State"]
        if state != "ENABLED":
            yield f"{logical} is {state}: nothing heals without it, switch the schedule on again"


def queues(asked: Asked) -> Problems:
    """Check that no dead letter and no unpublished record was left behind."""
    client = asked.client("sqs")
    for logical in LEFT_BEHIND:
        told = client.get_queue_attributes(
            QueueUrl=asked.of_type(QUEUE)[logical], AttributeNames=["ApproximateNumberOfMessages"]
        )
        number = int(told["Attributes"]["ApproximateNumberOfMessages"])
        if number:
            yield f"{logical} holds {number}: see docs/runbooks, dead-letters.md and its neighbours"


def table(asked: Asked) -> Problems:
    """Check that payments can be restored, old items go, and changes are streamed."""
    client, name = asked.client("dynamodb"), asked.outputs["TableName"]
    described = client.describe_table(TableName=name)["Table"]
    if not (described.get("StreamSpecification") or {}).get("StreamEnabled"):
        yield "the table has no stream, so nobody is enrolled: deploy again"
    # The emulator's CloudFormation leaves both off, whatever the template says.
    if not asked.is_local:
        yield from _unkept(client, name)


def alarms(asked: Asked) -> Problems:
    """Check that every alarm is there, none rings, and somebody is mailed."""
    client, names = asked.client("cloudwatch"), set(asked.of_type(ALARM).values())
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=asked.stack_name)
    found = {each["AlarmName"]: each for page in pages for each in page["MetricAlarms"]}
    for name in sorted(names - found.keys()):
        yield f"the alarm {name} is gone: deploy again"
    for name in sorted(names & found.keys()):
        if found[name]["StateValue"] == "ALARM":
            yield f"{name} rings: {found[name].get('AlarmDescription', '')}"
        if not found[name]["ActionsEnabled"]:
            yield f"{name} mails nobody: switch its actions on again"
    if not asked.is_local:
        yield from _unheard(asked)


def thinkific(asked: Asked) -> Problems:
    """Check that a site is named, and connected where OAuth is used."""
    settings = asked.environment_of("DeliverEnrollmentFunction")
    if not settings.get("THINKIFIC_SUBDOMAIN"):
        yield "no Thinkific site is named: set ThinkificSubdomain in samconfig.toml and deploy"
    if settings.get("THINKIFIC_AUTHENTICATION") == "oauth":
        item = asked.client("dynamodb").get_item(
            TableName=asked.outputs["TableName"],
            Key={"pk": {"S": "OAUTH"}, "sk": {"S": "SITE"}},
        )
        grant = item.get("Item", {})
        if "encrypted" not in grant or grant.get("refused", {}).get("BOOL", False):
            yield "no Thinkific site is connected: docs/guides/thinkific-oauth.md, Connecting"


def catalog(asked: Asked) -> Problems:
    """Check that something is for sale."""
    api = asked.outputs["ApiUrl"].rstrip("/")
    answer = requests.get(f"{api}/packages", timeout=TIMEOUT)
    if answer.status_code != HTTPStatus.OK:
        yield f"GET /packages is answered {answer.status_code}"
    elif not answer.json()["items"]:
        yield "nothing is for sale: docs/deploy.md, The first catalog"


CHECKS: Mapping[str, Check] = {
    "health": health,
    "region": region,
    "functions": functions,
    "secrets": secrets,
    "callback address": callback_address,
    "return address": return_address,
    "time zone": time_zone,
    "Function URL": function_url,
    "table": table,
    "queues": queues,
    "sources": sources,
    "schedules": schedules,
    "alarms": alarms,
    "Thinkific": thinkific,
    "catalog": catalog,
}
"""By the name that the command prints, in the order in which it asks."""


def _status(method: str, url: str) -> int | str:
    """Return the status of an answer, or what kept it from coming."""
    try:
        return requests.request(method, url, timeout=TIMEOUT).status_code
    except requests.RequestException as error:
        return type(error).__name__


def _secret(asked: Asked, output: str) -> Mapping[str, Any]:
    client = asked.client("secretsmanager")
    try:
        told = client.get_secret_value(SecretId=asked.outputs[output])
        value = json.loads(told["SecretString"])
    except (client.exceptions.ResourceNotFoundException, ValueError):
        # Not filled in yet, or not JSON.
        return {}
    return value if isinstance(value, dict) else {}


def _missing(name: str, secret: Mapping[str, Any], fields: tuple[str, ...]) -> Problems:
    for field in fields:
        if not secret.get(field):
            yield f"the {name} secret has no {field}: {SECRETS}"


def _missing_of_auth(secret: Mapping[str, Any], asked: Asked) -> Problems:
    settings = asked.environment_of("PaymentsFunction")
    keys = secret.get("userKeys") or {}
    if not keys and not settings.get("JWKS_URL"):
        yield f"the auth secret has no userKeys, so every caller is refused: {SECRETS}"
    for name, key in keys.items():
        if len(str(key)) < KEY_LENGTH:
            yield f"the user key {name} is shorter than {KEY_LENGTH} characters: {SECRETS}"
    yield from _missing("auth", secret, ("serviceApiKey",))
    service = secret.get("service") or {}
    yield from _missing("auth (service)", service, ("secret", "issuer", "audience"))


def _unheard(asked: Asked) -> Problems:
    topic = asked.outputs["AlarmTopicArn"]
    pages = asked.client("sns").get_paginator("list_subscriptions_by_topic")
    found = [each for page in pages.paginate(TopicArn=topic) for each in page["Subscriptions"]]
    if not found:
        yield "nobody is mailed when an alarm rings: set AlarmEmail, or subscribe to AlarmTopicArn"
    elif all(each["SubscriptionArn"] == "PendingConfirmation" for each in found):
        yield "nobody has confirmed the subscription to alarms: open the mail that AWS has sent"


def _unkept(client: Any, name: str) -> Problems:  # noqa: ANN401
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        yield "point-in-time recovery is off: deploy again, or switch it on by hand"
    old = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    is_on = old.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    if not is_on or old.get("AttributeName") != "ttl":
        yield "time to live is off: switch it on for the attribute ttl"
