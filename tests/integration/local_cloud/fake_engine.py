"""A Docker engine without Docker: its API on a unix socket, and what it runs in a namespace.

It answers the requests of the ``docker`` command and SAM. A container is Lambda's own emulator and
runtime client in a second network namespace, where 127.0.0.1 is its own and this machine is the
bridge's address, so that a function reaches exactly what it reaches in a container.
"""

import json
import os
import re
import socketserver
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil

from local.cloud.build import this_machine
from local.cloud.ports import free_port
from local.cloud.state import TOOLS
from local.sam_local.forward import Forward, forwarding
from local.sam_local.namespaces import listen
from tests.support.lambda_runtime import emulator

API = "1.44"
_LAYER = this_machine().artifacts / "SharedLayer" / "python"
_CONTAINER = re.compile(r"/containers/(\w+)(?:/(json|start|attach))?")


@dataclass
class Container:
    """A created container, with its process once it was started."""

    id: str
    asked: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    published: ExitStack = field(default_factory=ExitStack)

    def described(self) -> dict[str, Any]:
        state = "running" if self.process else "created"
        return {
            "Id": self.id,
            "Config": {key: self.asked.get(key) for key in ("Env", "Labels", "Image", "Tty")},
            "State": {"Status": state, "Running": bool(self.process), "OOMKilled": False},
        }


@dataclass
class FakeEngine:
    """The engine: its socket, the network of its containers, and all containers that it has."""

    socket: Path
    namespace: str
    ours: str
    theirs: str
    containers: dict[str, Container] = field(default_factory=dict)
    created: list[Container] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def create(self, asked: dict[str, Any]) -> Container:
        made = Container(uuid.uuid4().hex, asked)
        self.containers[made.id] = made
        self.created.append(made)
        return made

    def start(self, container: Container) -> None:
        """Run the function, and publish its port as the engine does."""
        host_config = container.asked["HostConfig"]
        (published,) = host_config["PortBindings"]["8080/tcp"]
        port = int(published["HostPort"])
        folder = host_config["Binds"][0].partition(":")[0]
        container.process = self._run(container.asked["Env"], Path(folder), port)
        listener = listen(published["HostIp"], port)
        allowed = IPv4Network("127.0.0.0/8")
        forward = Forward(listener, port, allowed, report=lambda _: None, host=self.theirs)
        container.published.enter_context(forwarding([forward]))

    def remove(self, container: Container) -> None:
        del self.containers[container.id]
        self.removed.append(container.id)
        container.published.close()
        if container.process:
            _kill(container.process)

    def _run(self, environment: list[str], folder: Path, port: int) -> subprocess.Popen[bytes]:
        variables = dict(each.split("=", 1) for each in environment)
        addresses = (
            *("--runtime-interface-emulator-address", f"{self.theirs}:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
        )
        client = (TOOLS / "runtime" / "bin" / "python", "-m", "awslambdaric")
        return subprocess.Popen(  # noqa: S603
            [
                *("ip", "netns", "exec", self.namespace, emulator(), *addresses),
                *(*client, variables["AWS_LAMBDA_FUNCTION_HANDLER"]),
            ],
            cwd=folder,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(_LAYER),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LAMBDA_TASK_ROOT": str(folder),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    engine: FakeEngine


class _Api(BaseHTTPRequestHandler):
    """The part of Docker's API that these tests use."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_GET(self) -> None:
        engine, path = self.server.engine, self._path()
        if path == "/containers/json":
            self._json(200, [{"Id": each.id} for each in self._wanted(engine)])
        elif found := _CONTAINER.fullmatch(path):
            self._of_container(found[1], lambda each: self._json(200, each.described()))
        elif path.startswith("/images/"):
            self._json(200, {"Id": "sha256:0", "RepoTags": [], "Config": {}})
        elif path in (known := self._known(engine)):
            self._json(200, known[path])
        else:
            self._json(404, {"message": f"page not found: {path}"})

    def do_POST(self) -> None:
        engine, path = self.server.engine, self._path()
        body = self._body()
        if path == "/build":
            self._answer(200, json.dumps({"stream": "built\n"}).encode() + b"\n")
        elif path == "/containers/create":
            self._json(201, {"Id": engine.create(json.loads(body)).id, "Warnings": []})
        elif found := _CONTAINER.fullmatch(path):
            self._of_container(found[1], lambda each: self._post(found[2], each))
        else:
            self._json(404, {"message": f"page not found: {path}"})

    def do_DELETE(self) -> None:
        found = _CONTAINER.fullmatch(self._path())
        self._of_container(found[1] if found else "", self._remove)

    def log_message(self, *_: Any) -> None:
        """Log nothing: the address of a client on a unix socket is empty."""

    def _post(self, what: str, container: Container) -> None:
        if what == "start":
            self.server.engine.start(container)
            self._answer(204, b"")
        else:
            self._answer(200, b"")

    def _remove(self, container: Container) -> None:
        self.server.engine.remove(container)
        self._answer(204, b"")

    def _of_container(self, container: str, action: Any) -> None:
        found = self.server.engine.containers.get(container)
        if found:
            action(found)
        else:
            self._json(404, {"message": f"No such container: {container}"})

    def _wanted(self, engine: FakeEngine) -> list[Container]:
        """Choose the containers that have every requested label."""
        filters = json.loads(parse_qs(urlsplit(self.path).query).get("filters", ["{}"])[0])
        labels = dict(each.split("=", 1) for each in filters.get("label", ()))
        found = engine.containers.values()
        return [each for each in found if labels.items() <= each.asked["Labels"].items()]

    def _known(self, engine: FakeEngine) -> dict[str, Any]:
        bridge = {"Subnet": f"{engine.ours}/30", "Gateway": engine.ours}
        version = {"Version": "28.2.2", "ApiVersion": API, "MinAPIVersion": "1.24", "Os": "linux"}
        return {
            "/_ping": "OK",
            "/version": version,
            "/info": {"OperatingSystem": "Debian GNU/Linux 12", "ServerVersion": "28.2.2"},
            "/networks/bridge": {"Name": "bridge", "IPAM": {"Config": [bridge]}},
        }

    def _path(self) -> str:
        return re.sub(r"^/v\d+\.\d+", "", urlsplit(self.path).path)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sizes = iter(lambda: int(self.rfile.readline(), 16), 0)
        body = b"".join(self.rfile.read(size + 2)[:size] for size in sizes)
        self.rfile.readline()
        return body

    def _json(self, status: int, content: Any) -> None:
        self._answer(status, json.dumps(content).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Api-Version", API)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def fake_engine(engine: FakeEngine) -> Iterator[FakeEngine]:
    """Answer on the engine's socket for as long as the block lasts; ends every container."""
    with _Server(str(engine.socket), _Api) as server:
        server.engine = engine
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
            for each in list(engine.containers.values()):
                engine.remove(each)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the emulator and the function, which it puts into a process group of its own."""
    with suppress(psutil.NoSuchProcess):
        everything = [*psutil.Process(process.pid).children(recursive=True)]
        for each in (*everything, psutil.Process(process.pid)):
            each.kill()
    process.wait()
