"""Creates the requests to measure, each of which does real work."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import requests

from local.cloud import Stack
from local.cloud.aws import Aws
from local.tokens import user_token
from lunas.clock import new_payment_id, now
from lunas.domain.payments import BoughtCourse, Method, Payment, Status
from lunas.domain.users import PaymentType
from lunas.gateways.duitku.client import Duitku, DuitkuAccount
from lunas.storage.expressions import to_wire
from lunas.storage.payment_items import invoice_attributes, payment_item
from tests.support.people import ACCOUNTING, PACKAGE_NAME, someone

type Event = dict[str, Any]

TIMEOUT = 30
FORM = "application/x-www-form-urlencoded"


@dataclass
class Traffic:
    """Requests for one stack, about one of its tables."""

    stack: Stack
    table: str

    def page(self) -> Event:
        """Create an admin's request for the newest twenty payments."""
        token = user_token(self.stack, "admin-1", role="ADMIN")
        return http("GET", "/payments", {"authorization": f"Bearer {token}"}, query="limit=20")

    def initiate(self) -> Event:
        """Create a purchase of a new learner."""
        buyer = someone()
        token = user_token(self.stack, buyer.id, **buyer.claims)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return http("POST", "/payments/initiate", headers, json.dumps(self.purchase))

    def callback(self) -> Event:
        """Create the callback of a new paid order."""
        body = urlencode(self.form(self.order()))
        return http("POST", "/webhooks/duitku", {"content-type": FORM}, body)

    def many(self, make: Callable[[], Event], number: int) -> list[Event]:
        """Create requests, several at once, since their orders have to be created as well."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda _: make(), range(number)))

    @cached_property
    def purchase(self) -> dict[str, Any]:
        """Return the body of a purchase of a package with one course."""
        answer = requests.get(f"{self.stack.api_url}/packages", timeout=TIMEOUT)
        package = next(each for each in answer.json()["items"] if each["kind"] == "ENTRY")
        return {"packageId": package["id"], "courseId": package["courseIds"][0]}

    def order(self) -> Payment:
        """Write a payment, open its invoice at Duitku, and pay it there."""
        payment = self._draft()
        invoice = self._duitku.create_invoice(payment, 60, "https://example.com/")
        item = payment_item(payment) | invoice_attributes(payment, invoice)
        self._aws.dynamodb.put_item(TableName=self.table, Item=to_wire(item))
        paid = {"paymentMethod": "SP", "callback": False}
        url = f"{self.stack.duitku_url}/_sim/orders/{payment.id}/pay"
        requests.post(url, json=paid, timeout=TIMEOUT).raise_for_status()
        return payment

    def form(self, payment: Payment) -> dict[str, str]:
        """Return the fields that Duitku sends about an order, signed."""
        project = self.stack.duitku
        signed = f"{project.merchant_code}{payment.amount}{payment.id}".encode()
        return {
            "merchantCode": project.merchant_code,
            "amount": str(payment.amount),
            "merchantOrderId": payment.id,
            "resultCode": "00",
            "reference": "R1",
            "signature": hmac.new(project.api_key.encode(), signed, hashlib.sha256).hexdigest(),
        }

    def _draft(self) -> Payment:
        buyer, moment = someone(), now()
        return Payment(
            id=new_payment_id(),
            user_id=buyer.id,
            package_id=self.purchase["packageId"],
            package_name=PACKAGE_NAME,
            course_id=self.purchase["courseId"],
            courses=(
                BoughtCourse(self.purchase["courseId"], ACCOUNTING.name, self._platform_course),
            ),
            status=Status.PENDING,
            payment_type=PaymentType.UMUM,
            method=Method.GATEWAY,
            amount=49_000,
            customer=buyer.customer,
            learner=buyer.learner,
            created_at=moment,
            updated_at=moment,
            version=1,
            gateway_name="duitku",
            gateway_expires_at=moment + timedelta(hours=1),
        )

    @cached_property
    def _platform_course(self) -> str | None:
        """Return the course's id at Thinkific; None in a table with another catalog."""
        courses = requests.get(f"{self.stack.api_url}/courses", timeout=TIMEOUT).json()["items"]
        mapped = {each["id"]: each.get("thinkificCourseId") for each in courses}
        found = mapped.get(self.purchase["courseId"])
        return None if found is None else str(found)

    @cached_property
    def _aws(self) -> Aws:
        return Aws(self.stack.aws_endpoint_url, self.stack.region)

    @property
    def _duitku(self) -> Duitku:
        url, project = str(self.stack.duitku_url), self.stack.duitku
        callback_url = self.stack.duitku_webhook_url
        account = DuitkuAccount(project.merchant_code, project.api_key, url, url, callback_url)
        return Duitku(lambda: account)


def http(
    method: str, path: str, headers: Mapping[str, str], body: str | None = None, query: str = ""
) -> Event:
    """Build an event of an HTTP API, complete enough for the adapter of every framework."""
    made: Event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example.com", "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "bench",
            },
            "requestId": uuid.uuid4().hex,
            "routeKey": f"{method} {path}",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if query:
        made["queryStringParameters"] = dict(part.split("=") for part in query.split("&"))
    if body is not None:
        made["body"] = body
    return made
