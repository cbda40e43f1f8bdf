"""Runs ministack, the emulator of AWS, changed in places that Lunas depends on, each with why.

Started by ``emulator.py`` with the interpreter of ministack's own environment; ministack is
pinned, and a version without one of these places fails to start instead of behaving differently.
"""
# What is changed here has neither public names nor types.
# ruff: noqa: SLF001, ANN401

import functools
import hashlib
import importlib
import os
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

LOGS = Path(os.environ["LUNAS_FUNCTION_LOGS"])
UNPACKED = Path(os.environ["LUNAS_UNPACKED"])
WORKERS = int(os.environ["LUNAS_WORKERS_PER_FUNCTION"])


def main() -> None:
    """Change ministack, then serve until a signal ends the process."""
    app = importlib.import_module("ministack.app")
    runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    functions: Any = importlib.import_module("ministack.services.lambda_svc")
    use_bare_interpreter(runtime)
    share_unpacked_files(runtime)
    wait_for_free_worker(functions)
    work_on_groups_side_by_side(functions)
    write_logs(runtime.Worker)
    give_sam_the_parameters(
        importlib.import_module("ministack.services.cloudformation.engine"),
        importlib.import_module("samtranslator.translator.transform"),
    )
    provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")
    take_note_of_code_deploy(provisioners)
    take_note_of_expressions(provisioners)
    pass_over_leading_keys(importlib.import_module("ministack.core.iam_evaluator"))
    allow_batches_of_messages(importlib.import_module("ministack.core.iam_actions"))
    app.main()


def allow_batches_of_messages(actions: Any) -> None:
    """Judge SendMessageBatch by the right to SendMessage; it has no action of its own."""
    original: Callable[..., Any] = actions.extract_iam_action

    def extract(*details: Any, **options: Any) -> Any:
        action = original(*details, **options)
        return "sqs:SendMessage" if action == "sqs:SendMessageBatch" else action

    actions.extract_iam_action = extract


def pass_over_leading_keys(evaluator: Any) -> None:
    """Leave out of conditions that a call names a key of the table.

    The emulator does not know dynamodb:LeadingKeys, so ``Null`` beside it would refuse every
    write; the tests that run the functions in their own process hold them to it.
    """
    original: Callable[..., bool] = evaluator._conditions_met

    def conditions_met(conditions: dict[str, Any], context: Any) -> bool:
        known = {
            operator: named
            for operator, named in (conditions or {}).items()
            if operator != "Null" or set(named) != {"dynamodb:LeadingKeys"}
        }
        return original(known, context)

    evaluator._conditions_met = conditions_met


def take_note_of_expressions(provisioners: Any) -> None:
    """Keep an alarm on an expression as one on its first metric, else the deploy would fail."""
    original: Callable[..., Any] = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict[str, Any]) -> Any:
        queries = properties.get("Metrics") or []
        first = next((each["MetricStat"] for each in queries if "MetricStat" in each), None)
        if first is None:
            return original(name, properties)
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        seen = {"Period": first["Period"], "Statistic": first["Stat"], **first["Metric"]}
        return original(name, plain | seen)

    provisioners._cw_metric_alarm_record = record


def use_bare_interpreter(runtime: Any) -> None:
    """Run functions without ministack's packages: what the layer lacks shall be missed here."""
    original = runtime._detect_runtime_binary
    interpreter = str(Path(sys.executable).resolve())
    runtime._detect_runtime_binary = lambda name: (interpreter, original(name)[1])


def share_unpacked_files(runtime: Any) -> None:
    """Let workers link to one unpacked copy of each archive: unpacking is most of a cold start."""
    if runtime.zipfile is not zipfile:
        message = "this ministack unpacks archives differently"
        raise RuntimeError(message)
    kept = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    runtime.zipfile = SimpleNamespace(ZipFile=SharedArchive, **kept)


class SharedArchive(zipfile.ZipFile):
    """An archive whose contents are unpacked once and linked to from then on."""

    lock = threading.Lock()

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """Make ``path``, an empty folder, a link to the unpacked contents."""
        folder = UNPACKED / hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        with self.lock:
            if not folder.exists():
                unfinished = folder.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                super().extractall(unfinished, members, pwd)
                unfinished.rename(folder)
        Path(path).rmdir()
        Path(path).symlink_to(folder)


def wait_for_free_worker(functions: Any) -> None:
    """Bound the invocations of each function that run at once; the others queue.

    The emulator's own limit would refuse them, where AWS refuses only hundreds more.
    """
    gates: dict[str, threading.Semaphore] = {}
    acquire: Callable[..., Any] = functions._acquire_execution_slot
    release: Callable[..., Any] = functions._release_execution_slot
    key_of: Callable[..., str] = functions._inflight_key

    def acquire_when_free(function: Any, config: Any) -> Any:
        gate = gates.setdefault(key_of(config), threading.Semaphore(WORKERS))
        gate.acquire()
        slot, limit = acquire(function, config)
        if slot is None:
            gate.release()
        return slot, limit

    def release_and_wake(key: Any) -> None:
        release(key)
        if key is not None:
            gates[key].release()

    functions._acquire_execution_slot = acquire_when_free
    functions._release_execution_slot = release_and_wake


def work_on_groups_side_by_side(functions: Any) -> None:
    """Work on FIFO groups side by side, up to MaximumConcurrency, where a batch is one message.

    Left alone, the emulator works on one batch after the other, since batches of several messages
    could mix groups; its queue hands out one message of a group at a time.
    """
    bound: Callable[..., int] = functions._sqs_esm_concurrency

    def bound_by_mapping(mapping: Any, function: Any, config: Any, queue: Any = None) -> int:
        one_message = mapping.get("BatchSize") == 1
        return bound(mapping, function, config, None if one_message else queue)

    functions._sqs_esm_concurrency = bound_by_mapping


def give_sam_the_parameters(engine: Any, sam: Any) -> None:
    """Give SAM the parameters of the transform before it, else it decides by their defaults."""
    resolve, transform, known = engine._transform_parameters, sam.transform, threading.local()

    def resolve_and_keep(*details: Any) -> Any:
        known.values = resolve(*details)
        return known.values

    def transform_with_values(template: Any, _none: Any, policies: Any) -> Any:
        return transform(template, dict(known.values), policies)

    engine._transform_parameters = resolve_and_keep
    sam.transform = transform_with_values


def take_note_of_code_deploy(provisioners: Any) -> None:
    """Let a stack have CodeDeploy's resources, as production has; nothing shifts gradually."""

    def create(logical_id: str, _properties: Any, stack: str) -> tuple[str, dict[str, str]]:
        return f"{stack}-{logical_id}", {}

    def keep(physical_id: str, *_changes: Any, **_more: Any) -> tuple[str, dict[str, str]]:
        return physical_id, {}

    handlers = provisioners._RESOURCE_HANDLERS
    for kind in ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"):
        if kind in handlers:
            message = f"this ministack knows {kind}"
            raise RuntimeError(message)
        handlers[kind] = {"create": create, "update": keep, "delete": keep}


def write_logs(worker_class: Any) -> None:
    """Copy what workers print, and how each invocation ended, to one file a function at once.

    That includes lines of a killed worker, and the errors that Lambda logs. An invocation is
    answered when its function has answered: left alone, the emulator waits 50 ms for something to
    be printed. A worker that dies while it starts ends alone: left alone, ministack would end all
    workers of its function, others in the middle of an invocation among them.
    """
    invoke = worker_class.invoke

    def read_stderr(worker: Any) -> None:
        for line in worker._proc.stderr:
            log(worker, line)
            worker._stderr_queue.put(line.rstrip("\n"))

    @functools.wraps(invoke)
    def invoke_and_report(worker: Any, event: Any, request_id: str, **details: Any) -> Any:
        started = time.monotonic()
        try:
            result = invoke(worker, event, request_id, **details)
        except Exception as error:  # noqa: BLE001  (whatever ended the worker: raised, it ends all)
            worker.kill()
            result = {"status": "error", "error": str(error), "cold_start": True}
        if result.get("status") != "ok":
            reason = result.get("trace") or result.get("error")
            log(worker, f"[ERROR] RequestId: {request_id} {reason}\n")
        took = f"Duration: {(time.monotonic() - started) * 1000:.0f} ms"
        log(worker, f"REPORT RequestId: {request_id}\t{took}\tCold: {result.get('cold_start')}\n")
        return result

    if not hasattr(worker_class, "_drain_stderr_bounded"):
        message = "this ministack waits for what a function prints in another way"
        raise RuntimeError(message)
    worker_class._read_stderr = read_stderr
    worker_class._drain_stderr_bounded = worker_class._drain_stderr
    worker_class.invoke = invoke_and_report


def log(worker: Any, text: str) -> None:
    """Append to the function's file; one write a call, so that workers never mix their lines."""
    name = worker.func_name.rsplit("-", 1)[0].split("-", 1)[-1]
    with (LOGS / f"{name}.log").open("a", encoding="utf-8") as file:
        file.write(text if text.endswith("\n") else f"{text}\n")


if __name__ == "__main__":
    main()
