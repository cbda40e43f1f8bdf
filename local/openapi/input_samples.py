"""The examples of bodies and parameters, with the values of the views' examples."""

from collections.abc import Mapping
from typing import Any

from local.openapi.samples import (
    CORRECTED,
    COURSE,
    COURSE_ID,
    CUSTOMER,
    MANUAL,
    PACKAGE,
    PENDING,
    REFUNDED,
    REJECTED,
    RESOLVED,
)

type Json = dict[str, Any]

BODIES: Mapping[str, Mapping[str, Json]] = {
    "InitiateBody": {
        "duitkuPage": {"packageId": "entry", "courseId": COURSE_ID},
        "qris": {
            "packageId": "entry",
            "courseId": COURSE_ID,
            "customer": CUSTOMER | {"phone": "0812-3456-7890"},
            "paymentMethod": "SP",
            "returnUrl": "https://shop.example.com/thanks",
        },
        "bundle": {"packageId": "bundle-data"},
    },
    "SubmitBody": {
        "course": {
            "packageId": "entry",
            "courseId": COURSE_ID,
            "paymentType": "UMUM",
            "proofLink": MANUAL["proofLink"],
        },
    },
    "ApproveBody": {"overbook": {"overbook": True}},
    "RejectBody": {"reason": {"reason": REJECTED["reason"]}},
    "LearnerBody": {
        "address": {"email": CORRECTED["learner"]["email"], "reason": "a slip in the address"},
        "name": {"name": CORRECTED["learner"]["name"], "reason": "the learner's own name"},
    },
    "RefundBody": {"reason": {"reason": REFUNDED["reason"]}},
    "ResolveBody": {
        "refunded": {"resolution": RESOLVED["resolution"], "reason": RESOLVED["reason"]}
    },
    "ProgressBody": {"progress": {"progress": 40}},
    "PackageBody": {"entry": {name: each for name, each in PACKAGE.items() if name != "id"}},
    "CourseBody": {
        "course": {"name": COURSE["name"], "thinkificCourseId": 2000001, "quota": 200},
    },
}
"""Examples of each body, by the name of its schema."""
PARAMETERS: Mapping[str, Any] = {
    "id": PENDING["id"],
    "packageId": "entry",
    "courseId": COURSE_ID,
    "userId": "u1",
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-12-01T00:00:00Z",
    "limit": 25,
    "separator": ";",
    "subdomain": "lunas-academy",
    "code": "Yb3kq9Zt1c",
    "state": "RF0R89OloHf97-oT1vixhdg8KEs8cfMlcxTuljPv7kc",
    "error": "access denied",
    "idempotency-key": "b0a5f3f2-6f8e-4d0c-9f53-6d0c1a3d9d11",
}
"""Examples of parameters, by name; ``id`` only where a route shows nothing that has one."""
