"""What a soak prints: its progress, and at the end the tables of what was survived."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.soak.audit import DONE, Finding, paid_orders
from tests.soak.facts import Facts
from tests.soak.plan import Callback, Way

if TYPE_CHECKING:
    from tests.soak.run import Soak

type Say = Callable[[str], None]


def waiting(facts: Facts) -> str:
    """Return a line about what is on its way."""
    payments = Counter(each["status"] for each in facts.payments.values())
    deliveries = Counter(each["deliveryStatus"] for each in facts.enrollments.values())
    return (
        f"waiting: payments {_counts(payments)}; deliveries {_counts(deliveries)}; "
        f"{facts.messages} messages, {facts.dead_letters} dead letters"
    )


def show(
    say: Say, soak: "Soak", facts: Facts, found: list[Finding], seconds: tuple[float, float]
) -> None:
    """Print the tables and the findings."""
    _table(say, "bought", _bought(soak))
    _table(say, "survived: faults of Duitku", soak.struck["Duitku"])
    _table(say, "survived: faults of Thinkific", soak.struck["Thinkific"])
    changed = soak.schedules[0].changed + soak.schedules[1].changed
    _table(say, "survived: settings changed, ten seconds each", changed)
    _table(say, "survived: workers killed", soak.chaos.killed)
    _table(say, "survived: limits and callbacks", _limits(soak, facts))
    _table(say, "requests that buyers and admins had to repeat", soak.api.repeated)
    _table(say, "what operators and the shortened clock did", soak.operators.did)
    _table(say, "who settled the payments", _settled(facts))
    _table(say, "lines of the functions", _lines(soak.stack.logs))
    _table(say, "result", _result(soak, facts, found, seconds))
    for finding in found:
        say(f"{finding.kind}: {finding.what}")
    for failure, times in Counter(soak.failures).items():
        say(f"FAILED {times} times: {failure}")


def _bought(soak: "Soak") -> Mapping[str, int]:
    ways = Counter(f"by {purchase.way}" for purchase, _ in soak.shop.bought)
    at_duitku = [each for each, _ in soak.shop.bought if each.way is not Way.MANUAL and each.pays]
    callbacks = Counter(f"callback {each.callback}" for each in at_duitku)
    others = {
        "bundles": sum(each.course is None for each, _ in soak.shop.bought),
        "walked away without paying": sum(not each.pays for each, _ in soak.shop.bought),
        "had it already": sum(payment is None for _, payment in soak.shop.bought),
        "refunded": len(soak.shop.refunded),
    }
    return {
        **ways,
        **{f"callback {each}": callbacks[f"callback {each}"] for each in Callback},
        **others,
    }


def _limits(soak: "Soak", facts: Facts) -> Mapping[str, int]:
    answered, attempts = Counter[str](), 0
    for order in facts.orders:
        for callback in soak.duitku.see(f"orders/{order}")["callbacks"]:
            attempts += 1
            answered[str(callback["status"] or "nothing")] += 1
    traffic = soak.thinkific.see("requests")
    return {
        "calls of Thinkific": traffic["calls"],
        "of these over its limit (429)": traffic["limited"],
        "most calls of Thinkific at once": traffic["mostAtOnce"],
        "callbacks sent": attempts,
        **{f"callbacks answered {status}": times for status, times in sorted(answered.items())},
        "callbacks that were repetitions": attempts - len(_first_received(facts)),
        "deliveries that took more than one try": sum(
            each["deliveryAttempts"] > 1 for each in facts.enrollments.values()
        ),
        "payments that were FAILED or EXPIRED and then paid": _late(facts),
    }


def _first_received(facts: Facts) -> set[str]:
    return {
        payment_id
        for payment_id, events in facts.history.items()
        if any(each["to"] == "PAID" and "callback" in each["actor"] for each in events)
    }


def _late(facts: Facts) -> int:
    paid = paid_orders(facts)
    return sum(
        payment_id in paid and any(each["to"] in {"FAILED", "EXPIRED"} for each in events)
        for payment_id, events in facts.history.items()
    )


def _settled(facts: Facts) -> Mapping[str, int]:
    actors = Counter(
        _actor(event["actor"], facts.payments[payment_id]["method"])
        for payment_id, events in facts.history.items()
        for event in events
        if event["to"] == "APPROVED"
    )
    kinds = Counter(f"anomalies {each['finding']['kind']}" for each in facts.anomalies)
    return {**actors, **kinds}


def _actor(actor: str, method: str) -> str:
    if not actor.startswith("admin"):
        return actor
    return "an admin's approval" if method == "MANUAL" else "an admin's recheck"


def _lines(logs: Path) -> Mapping[str, int]:
    """Count the lines by their message; those of warnings and errors only."""
    counted: Counter[str] = Counter()
    for log in logs.glob("*.log"):
        for text in log.read_text(errors="replace").splitlines():
            line = _json(text)
            if line.get("level") in {"WARNING", "ERROR"}:
                counted[f"{line['level']} {line['message']}"] += 1
    return counted


def _json(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _result(
    soak: "Soak", facts: Facts, found: Iterable[Finding], seconds: tuple[float, float]
) -> Mapping[str, object]:
    bought, quiet = seconds
    kinds = Counter(finding.kind for finding in found)
    done = sum(each["status"] in DONE for each in facts.payments.values())
    enrolled = sum(each["enrollmentStatus"] == "ENROLLED" for each in facts.enrollments.values())
    return {
        "payments COMPLETED or REFUNDED": done,
        "rupiah that Duitku took": sum(facts.orders[each]["amount"] for each in paid_orders(facts)),
        "enrollments": enrolled,
        "payments a minute, while buying": f"{len(soak.shop.bought) / bought * 60:.0f}",
        "calls of the API a second, while buying": f"{soak.api.calls / bought:.1f}",
        "seconds of buying": f"{bought:.0f}",
        "seconds until quiet": f"{quiet:.0f}",
        "lost": kinds["LOST"],
        "doubled": kinds["DOUBLED"],
        "wrong otherwise": kinds["WRONG"],
    }


def _table(say: Say, title: str, rows: Mapping[str, object]) -> None:
    say(f"\n{title}")
    for name, value in rows.items():
        say(f"  {value!s:>12}  {name}")


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in sorted(counter.items()))
