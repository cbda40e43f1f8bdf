"""The shop with FastAPI and Mangum, used as both document it."""

from typing import Annotated, Any

import shop
from fastapi import Depends, FastAPI, Form, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()


class InitiateBody(BaseModel):
    """A purchase."""

    packageId: str  # noqa: N815
    courseId: str | None = None  # noqa: N815


class Callback(BaseModel):
    """The callback of Duitku."""

    merchantOrderId: str  # noqa: N815
    amount: str
    signature: str


class Opened(BaseModel):
    """An open payment."""

    id: str
    status: str
    paymentUrl: str  # noqa: N815


class Payment(BaseModel):
    """A payment in a list."""

    id: str
    userId: str  # noqa: N815
    packageId: str  # noqa: N815
    packageName: str  # noqa: N815
    status: str
    amount: int
    createdAt: str  # noqa: N815


class Page(BaseModel):
    """A page of a list."""

    items: list[Payment]


def caller(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """Return the caller's claims."""
    return shop.caller(authorization)


type Caller = Annotated[dict[str, Any], Depends(caller)]


@app.exception_handler(shop.Refused)
def refuse(_request: Request, error: shop.Refused) -> JSONResponse:
    """Answer a refused request."""
    return JSONResponse({"detail": error.detail}, error.status)


@app.post("/payments/initiate", status_code=201)
def initiate(body: InitiateBody, claims: Caller) -> Opened:
    """Open a payment at Duitku."""
    return Opened(**shop.initiate(claims, body.packageId, body.courseId))


@app.post("/webhooks/duitku")
def callback(form: Annotated[Callback, Form()]) -> PlainTextResponse:
    """Settle a payment."""
    shop.settle(form.model_dump())
    return PlainTextResponse("OK")


@app.get("/payments")
def payments(_claims: Caller, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Page:
    """List the newest payments."""
    return Page(items=[Payment(**item) for item in shop.page(limit)])


handler = Mangum(app, lifespan="off")
