"""The scope that a bearer token needs at each route of the API."""

SCOPES: dict[str, str | None] = {
    "listUsers": "read:users",
    "createUser": "write:users",
    "getUser": "read:users",
    "updateUser": "write:users",
    "deleteUser": "write:users",
    "listCourses": "read:courses",
    "getCourse": "read:courses",
    "listChapters": "read:courses",
    "listProducts": "read:products",
    "getProduct": "read:products",
    "listRelatedProducts": "read:products",
    "getBundle": "read:courses",
    "listBundleCourses": "read:courses",
    "listBundleEnrollments": "read:enrollments",
    "createBundleEnrollment": "write:enrollments",
    "updateBundleEnrollment": "write:enrollments",
    "listEnrollments": "read:enrollments",
    "createEnrollment": "write:enrollments",
    "getEnrollment": "read:enrollments",
    "updateEnrollment": "write:enrollments",
    "createExternalOrder": "write:external_orders",
    "purchaseExternalOrder": "write:external_orders",
    "refundExternalOrder": "write:external_orders",
    "listWebhooks": None,
    "createWebhook": None,
    "getWebhook": None,
    "updateWebhook": None,
    "deleteWebhook": None,
    "getEvent": None,
}
"""By route name. Thinkific lists only some scopes, and none for webhooks: None needs none."""

ALL_SCOPES = frozenset(scope for scope in SCOPES.values() if scope)
