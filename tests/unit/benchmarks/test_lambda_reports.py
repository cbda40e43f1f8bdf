"""Lines of Lambda's log become calls, in both of Lambda's formats."""

import json

import pytest

from benchmarks.lambda_reports import Call, Calls, Spread, call, calls, version_of

TEXT_START = (
    "REPORT RequestId: 8c360c87-d4b7-4423-b5f3-af02be3c1763\tDuration: 512.66 ms\t"
    "Billed Duration: 1243 ms\tMemory Size: 512 MB\tMax Memory Used: 88 MB\t"
    "Init Duration: 729.41 ms\t\n"
    "XRAY TraceId: 1-66d978e5-56c7378e556e94b5461da07c\tSegmentId: 29c3839e6ecb5895\t"
    "Sampled: true\t\n"
)
TEXT_WARM = (
    "REPORT RequestId: 9d2e0f31-0b57-4b8c-8a43-6f1d0a4a7d55\tDuration: 23.07 ms\t"
    "Billed Duration: 24 ms\tMemory Size: 512 MB\tMax Memory Used: 89 MB\t\n"
)
TEXT_RESTORE = (
    "REPORT RequestId: b771fecc-1b53-4faf-922d-1d74357b1676\tDuration: 306.34 ms\t"
    "Billed Duration: 610 ms\tMemory Size: 512 MB\tMax Memory Used: 155 MB\t"
    "Restore Duration: 511.25 ms\tBilled Restore Duration: 303 ms\t\n"
)
TEXT_TIMEOUT = (
    "REPORT RequestId: 1f0a1c52-3a0f-4df2-9c2f-5a4f1b3e7a10\tDuration: 29000.00 ms\t"
    "Billed Duration: 29000 ms\tMemory Size: 512 MB\tMax Memory Used: 91 MB\tStatus: timeout\n"
)
JSON_START = (
    '{"time":"2026-11-20T07:30:29.470Z","type":"platform.report","record":{'
    '"requestId":"79b5e81f-9cdd-4145-b1f6-7c50ef8a2a36","metrics":{"durationMs":233.96,'
    '"billedDurationMs":698,"memorySizeMB":512,"maxMemoryUsedMB":86,"initDurationMs":463.512},'
    '"tracing":{"spanId":"24cd7d670fa455f0","type":"X-Amzn-Trace-Id",'
    '"value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"},'
    '"status":"success"}}'
)
JSON_WARM = (
    '{"time":"2026-11-20T07:30:41.076Z","type":"platform.report","record":{'
    '"requestId":"f0c9f58b-8ebe-4e84-a656-95eb6eee865a","metrics":{"durationMs":18.402,'
    '"billedDurationMs":19,"memorySizeMB":512,"maxMemoryUsedMB":87},"status":"success"}}'
)
JSON_RESTORE = (
    '{"time":"2026-11-20T07:31:02.113Z","type":"platform.report","record":{'
    '"requestId":"2b8f5c57-5b1c-47d5-8c4e-93a3f3d0b1aa","metrics":{"durationMs":127.1,'
    '"billedDurationMs":154,"memorySizeMB":512,"maxMemoryUsedMB":112,"restoreDurationMs":325.93,'
    '"billedRestoreDurationMs":26},"status":"success"}}'
)
JSON_TIMEOUT = (
    '{"time":"2026-11-20T07:32:11.001Z","type":"platform.report","record":{'
    '"requestId":"c1d4a0c2-7d3e-4f0e-a7f5-8f6b6f1f3a77","metrics":{"durationMs":29000.0,'
    '"billedDurationMs":29000,"memorySizeMB":512,"maxMemoryUsedMB":90},"status":"timeout"}}'
)
OTHERS = [
    "START RequestId: 9d2e0f31-0b57-4b8c-8a43-6f1d0a4a7d55 Version: 12",
    "END RequestId: 9d2e0f31-0b57-4b8c-8a43-6f1d0a4a7d55",
    '{"time":"2026-11-20T07:30:29.001Z","type":"platform.start","record":{"requestId":"r1"}}',
    '{"level":"INFO","message":"payment opened","payment_id":"pay1"}',
    json.dumps({"level": "INFO", "message": '"type":"platform.report"'}),
    'not JSON, but with "platform.report" in it',
    '["platform.report"]',
    "",
]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(TEXT_START, Call(512.66, 1243, 88, 729.41), id="start-as-text"),
        pytest.param(TEXT_WARM, Call(23.07, 24, 89), id="warm-as-text"),
        pytest.param(TEXT_RESTORE, Call(306.34, 610, 155, 511.25), id="restore-as-text"),
        pytest.param(TEXT_TIMEOUT, Call(29_000, 29_000, 91, failed=True), id="time-out-as-text"),
        pytest.param(JSON_START, Call(233.96, 698, 86, 463.512), id="start-as-json"),
        pytest.param(JSON_WARM, Call(18.402, 19, 87), id="warm-as-json"),
        pytest.param(JSON_RESTORE, Call(127.1, 154, 112, 325.93), id="restore-as-json"),
        pytest.param(JSON_TIMEOUT, Call(29_000, 29_000, 90, failed=True), id="time-out-as-json"),
    ],
)
def test_a_report_becomes_a_call(line: str, expected: Call) -> None:
    assert call(line) == expected


def test_other_lines_are_left_out() -> None:
    assert calls([*OTHERS, JSON_WARM, *OTHERS, TEXT_WARM]) == [call(JSON_WARM), call(TEXT_WARM)]


def test_starts_and_warm_calls_are_apart() -> None:
    found = Calls(calls([JSON_START, JSON_WARM, TEXT_WARM, JSON_TIMEOUT]))
    assert found.starts == [463.512]
    assert found.warm == [18.402, 23.07, 29_000]
    assert (found.failed, found.memory) == (1, 90)
    assert found.billed == pytest.approx((698 + 19 + 24 + 29_000) / 4)


def test_a_spread_is_median_and_95th_percentile() -> None:
    assert Spread.of([float(each) for each in range(1, 101)]) == Spread(50.5, 95)
    assert Spread.of([]) == Spread(None, None)


@pytest.mark.parametrize(
    ("stream", "version"),
    [
        ("2026/11/20/lunas-dev-PaymentsFunction-ab12[12]0a1b2c3d4e5f", "12"),
        ("2026/11/20/[$LATEST]0a1b2c3d4e5f", "$LATEST"),
        ("something else", None),
    ],
)
def test_a_log_stream_names_the_version(stream: str, version: str | None) -> None:
    assert version_of(stream) == version
