"""Reports sales and refunds to Thinkific (docs/reference/thinkific.md, External orders)."""

from collections.abc import Callable
from http import HTTPStatus

from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible, RateLimited
from lunas.domain.payments import Payment
from lunas.domain.sale_reports import Answer, SaleReportStatus, Sold
from lunas.platforms.thinkific.enrollments import every_item, object_id
from lunas.platforms.thinkific.fields import id_if_any, required_id, text
from lunas.platforms.thinkific.http import AccessRefused, Missing, Rejected, ThinkificApi, Untouched


class ExternalOrders:
    """Thinkific's external orders; ``factor`` converts rupiah to their smallest unit."""

    api: ThinkificApi
    factor: int

    def product(self, sold: Sold) -> str:
        """Return the product id of a bundle or a course, which is not the course id.

        Raises DeliveryImpossible if Thinkific shows none, as for courses of the new builder.
        """
        if sold.bundle_id is not None:
            return self._product_of_bundle(sold.bundle_id)
        if sold.course_id is None:
            raise DeliveryImpossible("the course is not mapped to Thinkific")
        try:
            course = self.api.get(f"/courses/{sold.course_id}")
        except Missing:
            raise DeliveryImpossible(f"Thinkific shows no course {sold.course_id}") from None
        product_id = id_if_any(course, "product_id")
        if product_id is None:
            raise DeliveryImpossible(f"Thinkific shows no product of course {sold.course_id}")
        return product_id

    def report_sale(self, payment: Payment, user_id: str, product_id: str) -> Answer:
        """Record a sale; raises DeliveryDelayed only if Thinkific recorded nothing for certain."""
        body = {
            "payment_provider": payment.method.lower(),
            "user_id": int(user_id),
            "product_id": int(product_id),
            "order_type": "one-time",
            "transaction": self._transaction(payment, "purchase"),
        }
        return _answer(lambda: object_id(self.api.post("/external_orders", body)))

    def report_refund(self, payment: Payment, order_id: str) -> Answer:
        """Record the refund of a sale; raises as :meth:`report_sale` does."""
        path = f"/external_orders/{order_id}/transactions/refund"
        body = self._transaction(payment, "refund")

        def send() -> str:
            self.api.post_unread(path, body)
            return order_id

        return _answer(send)

    def _product_of_bundle(self, bundle_id: str) -> str:
        for product in every_item(self.api, "/products", {}):
            is_bundle = text(product, "productable_type") == "Bundle"
            if is_bundle and required_id(product, "productable_id") == bundle_id:
                return object_id(product)
        raise DeliveryImpossible(f"Thinkific shows no product of bundle {bundle_id}")

    def _transaction(self, payment: Payment, action: str) -> dict[str, object]:
        return {
            "amount": payment.amount * self.factor,
            "currency": payment.currency,
            "reference": payment.id,
            "action": action,
        }


def _answer(send: Callable[[], str]) -> Answer:
    """Send a report and return its outcome; raises if nothing was recorded for certain.

    Everything but a clear success or refusal is UNCERTAIN, such as a 500, a 503, or a success
    without an id.
    """
    try:
        return Answer(SaleReportStatus.REPORTED, order_id=send())
    except (RateLimited, Untouched):
        raise
    except AccessRefused as denied:
        if denied.status == HTTPStatus.UNAUTHORIZED:
            raise
        return Answer(SaleReportStatus.REFUSED, reason=str(denied))
    except (Rejected, Missing) as refused:
        return Answer(SaleReportStatus.REFUSED, reason=str(refused))
    except DeliveryDelayed as unclear:
        return Answer(SaleReportStatus.UNCERTAIN, reason=str(unclear))
