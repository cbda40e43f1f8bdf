"""A service on loopback that answers as a test sets it, and keeps the requests."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request; header names are lower-case."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """One answer. ``hang`` waits for the end of the test first, ``cut`` sends nothing at all."""

    status: int = 200
    body: bytes = b""
    hang: bool = False
    cut: bool = False


def reply(content: Any, status: int = 200) -> Answer:
    """Answer with JSON."""
    return Answer(status, json.dumps(content).encode())


@dataclass
class Service:
    """The service: its origin, its answers by path, and its requests."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    otherwise: Answer | None = None

    def paths(self) -> list[str]:
        """Return the requested paths."""
        return [each.path for each in self.asked]

    def answer(self, path: str) -> Answer:
        """Return the answer of a path: 404 unless one is set."""
        return self.otherwise or self.answers.get(path, Answer(404))


@contextmanager
def serving() -> Iterator[Service]:
    """Serve on a free port of loopback for as long as the block lasts."""
    over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    service = Service(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(service, over.wait)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield service
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(service: Service, wait: Callable[[], object]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.asked.append(Asked(self.path, headers))
            answer = service.answer(self.path)
            if answer.hang:
                wait()
            if answer.cut or answer.hang:
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler
