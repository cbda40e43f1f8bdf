"""The shop with FastAPI and Mangum, used as both document it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from mangum import Mangum
from pydantic import BaseModel, ConfigDict
from shop import auth
from shop.callback import settle
from shop.errors import Refused
from shop.listing import MOST, Filter, Method, PaymentType, Status, page
from shop.purchase import initiate
from shop.telemetry import instrumented

app = FastAPI()


class InitiateBody(BaseModel):
    """A purchase."""

    packageId: str  # noqa: N815
    courseId: str | None = None  # noqa: N815


class Callback(BaseModel):
    """The callback of Duitku, whose other fields are evidence."""

    model_config = ConfigDict(extra="allow")

    merchantCode: str  # noqa: N815
    merchantOrderId: str  # noqa: N815
    amount: str
    signature: str


class Opened(BaseModel):
    """An open payment."""

    id: str
    status: str
    paymentUrl: str  # noqa: N815


class Customer(BaseModel):
    """The person on the invoice."""

    firstName: str  # noqa: N815
    lastName: str | None = None  # noqa: N815
    email: str
    phone: str | None = None


class Learner(BaseModel):
    """The person who gets the courses."""

    name: str
    email: str


class Gateway(BaseModel):
    """The invoice at Duitku."""

    reference: str | None = None
    paymentUrl: str | None = None  # noqa: N815
    paymentMethod: str | None = None  # noqa: N815
    vaNumber: str | None = None  # noqa: N815
    qrString: str | None = None  # noqa: N815
    expiresAt: str | None = None  # noqa: N815


class Payment(BaseModel):
    """A payment in a list."""

    id: str
    userId: str  # noqa: N815
    packageId: str  # noqa: N815
    packageName: str  # noqa: N815
    courseId: str | None = None  # noqa: N815
    courseIds: list[str]  # noqa: N815
    status: Status
    paymentType: PaymentType  # noqa: N815
    method: Method
    amount: int
    currency: str
    proofLink: str | None = None  # noqa: N815
    gateway: Gateway | None = None
    customer: Customer
    learner: Learner
    createdAt: str  # noqa: N815
    updatedAt: str  # noqa: N815
    approvedAt: str | None = None  # noqa: N815
    approvedBy: str | None = None  # noqa: N815
    completedAt: str | None = None  # noqa: N815
    reason: str | None = None
    version: int


class Page(BaseModel):
    """A page of a list."""

    items: list[Payment]
    nextCursor: str | None = None  # noqa: N815


def caller(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """Return the caller's claims."""
    return auth.caller(authorization)


def admin(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """Return the admin's claims."""
    return auth.admin(authorization)


@app.exception_handler(Refused)
def refuse(_request: Request, error: Refused) -> JSONResponse:
    """Answer a refused request."""
    return JSONResponse({"detail": error.detail}, error.status)


@app.post("/payments/initiate", status_code=201)
def post_payment(body: InitiateBody, claims: Annotated[dict[str, Any], Depends(caller)]) -> Opened:
    """Open a payment at Duitku."""
    return Opened(**initiate(claims, body.packageId, body.courseId))


@app.post("/webhooks/duitku")
def post_callback(form: Annotated[Callback, Form()]) -> PlainTextResponse:
    """Settle a payment."""
    settle(form.model_dump())
    return PlainTextResponse("OK")


@app.get(
    "/payments",
    response_model=Page,
    response_model_exclude_none=True,
    dependencies=[Depends(admin)],
)
def get_payments(  # noqa: PLR0913, PLR0917
    status: Status | None = None,
    payment_type: Annotated[PaymentType | None, Query(alias="paymentType")] = None,
    method: Method | None = None,
    start: Annotated[datetime | None, Query(alias="from")] = None,
    to: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 25,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> dict[str, Any]:
    """List the newest payments."""
    return page(Filter(status, payment_type, method, start, to), limit, cursor)


handler = instrumented(Mangum(app, lifespan="off"))
