"""A learner pays through Duitku and is enrolled."""

import requests

from local.cloud import Stack
from tests.support.providers import Duitku, Thinkific
from tests.support.users import TIMEOUT, Users


def test_a_paid_order_ends_with_the_learner_enrolled_at_thinkific(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")
    assert (payment["status"], payment["method"], payment["amount"]) == ("PENDING", "DUITKU", 49000)

    duitku.pay(payment)
    completed = learner.wait_for(payment["id"], "COMPLETED")

    assert completed["approvedBy"] == "duitku"
    assert learner.states(payment["id"]) == ["PENDING", "PAID", "APPROVED", "COMPLETED"]
    (enrollment,) = learner.enrollments()
    assert (enrollment["status"], enrollment["delivery"]["status"]) == ("ENROLLED", "DELIVERED")
    (found,) = thinkific.enrollments(learner.email)
    assert found["id"] == enrollment["delivery"]["thinkificEnrollmentId"]
    assert found["course_name"] == "Dasar Pemrograman Python"
    assert found["activated_at"] is not None
    assert found["is_free_trial"] is False


def test_a_bundle_enrolls_in_each_of_its_courses_with_one_account(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.initiate("bundle-data")

    duitku.pay(payment)
    learner.wait_for(payment["id"], "COMPLETED")

    names = {each["course_name"] for each in thinkific.enrollments(learner.email)}
    assert names == {"Dasar Pemrograman Python", "Analisis Data dengan SQL"}
    assert len(thinkific.users(learner.email)) == 1


def test_a_bundle_leaves_a_course_that_the_learner_owns_as_it_is(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    first = learner.initiate("entry", "python-dasar")
    duitku.pay(first)
    learner.wait_for(first["id"], "COMPLETED")

    bundle = learner.initiate("bundle-data")
    duitku.pay(bundle)
    learner.wait_for(bundle["id"], "COMPLETED")

    payments = {each["courseId"]: each["paymentId"] for each in learner.enrollments()}
    assert payments == {"python-dasar": first["id"], "analisis-sql": bundle["id"]}
    assert len(thinkific.enrollments(learner.email)) == 2


def test_an_account_that_exists_at_thinkific_is_used(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner = users.learner()
    for package, course in (("entry", "python-dasar"), ("intermediate", "web-django")):
        payment = learner.initiate(package, course)
        duitku.pay(payment)
        learner.wait_for(payment["id"], "COMPLETED")

    assert len(thinkific.users(learner.email)) == 1
    assert len(thinkific.enrollments(learner.email)) == 2


def test_the_open_payment_of_the_same_purchase_is_returned_again(users: Users) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")

    again = learner.call(
        "POST", "/payment/initiate", {"packageId": "entry", "courseId": "python-dasar"}
    )

    assert again.status_code == 200
    assert again.json()["id"] == payment["id"]
    assert again.json()["gateway"] == payment["gateway"]


def test_an_owned_course_cannot_be_bought_again(users: Users, duitku: Duitku) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")
    duitku.pay(payment)
    learner.wait_for(payment["id"], "COMPLETED")

    answer = learner.call(
        "POST", "/payments/initiate", {"packageId": "entry", "courseId": "python-dasar"}
    )

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("already-enrolled")


def test_naming_a_channel_gives_its_number_or_code_at_once(users: Users) -> None:
    qris = users.learner().initiate("entry", "python-dasar", paymentMethod="SP")
    account = users.learner().initiate("entry", "python-dasar", paymentMethod="BC")

    assert qris["gateway"]["qrString"]
    assert account["gateway"]["vaNumber"].isdigit()


def test_a_virtual_account_that_is_paid_completes_the_payment(users: Users, duitku: Duitku) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar", paymentMethod="BC")

    duitku.do(f"orders/{payment['id']}/pay")

    learner.wait_for(payment["id"], "COMPLETED")


def test_a_failed_order_can_be_started_again(users: Users, duitku: Duitku) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")
    duitku.end(payment, "fail")
    duitku.post(duitku.form(payment, resultCode="01"))

    assert learner.payment(payment["id"])["status"] == "FAILED"
    assert learner.initiate("entry", "python-dasar")["id"] != payment["id"]


def test_a_late_success_wins_over_a_failure(users: Users, duitku: Duitku) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")
    duitku.end(payment, "fail")
    duitku.post(duitku.form(payment, resultCode="01"))
    assert learner.payment(payment["id"])["status"] == "FAILED"

    duitku.pay(payment)
    learner.wait_for(payment["id"], "COMPLETED")

    states = ["PENDING", "FAILED", "PAID", "APPROVED", "COMPLETED"]
    assert learner.states(payment["id"]) == states


def test_money_for_nothing_new_completes_without_an_enrollment(
    users: Users, duitku: Duitku, thinkific: Thinkific
) -> None:
    learner, admin = users.learner(), users.admin()
    manual = learner.submit("entry", "python-dasar")
    order = learner.initiate("entry", "python-dasar")
    admin.approve(manual["id"])
    learner.wait_for(manual["id"], "COMPLETED")

    duitku.pay(order)
    learner.wait_for(order["id"], "COMPLETED")

    assert [each["paymentId"] for each in learner.enrollments()] == [manual["id"]]
    assert len(thinkific.enrollments(learner.email)) == 1


def test_the_channels_come_with_their_fees_in_rupiah(users: Users) -> None:
    channels = users.learner().get("/payments/methods?packageId=entry")["items"]

    assert {"code", "name", "imageUrl", "fee"} == set(channels[0])
    assert all(isinstance(each["fee"], int) for each in channels)


def test_the_price_comes_from_the_catalog_and_not_from_the_client(users: Users) -> None:
    payment = users.learner().initiate("entry", "python-dasar", amount=1, price=1)

    assert payment["amount"] == 49000


def test_the_payment_page_opens(users: Users) -> None:
    payment = users.learner().initiate("entry", "python-dasar")

    page = requests.get(payment["gateway"]["paymentUrl"], timeout=TIMEOUT)

    assert page.ok
    assert "49.000" in page.text


def test_a_callback_by_the_api_route_settles_as_well(
    stack: Stack, users: Users, duitku: Duitku
) -> None:
    learner = users.learner()
    payment = learner.initiate("entry", "python-dasar")
    duitku.pay(payment, callback=False)

    answer = requests.post(
        f"{stack.api_url}/webhooks/duitku", data=duitku.form(payment), timeout=TIMEOUT
    )

    assert answer.status_code == 200
    learner.wait_for(payment["id"], "COMPLETED")
