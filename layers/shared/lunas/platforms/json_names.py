"""The names that the API's contract gives to the course platform's ids, in JSON."""

COURSE_ID = "thinkificCourseId"
BUNDLE_ID = "thinkificBundleId"
USER_ID = "thinkificUserId"
ENROLLMENT_ID = "thinkificEnrollmentId"
