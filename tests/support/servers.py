"""Real servers on loopback, with and without TLS."""

import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PAID = b'{"statusCode": "00", "reference": "R1", "amount": "150000"}'


class Server(ThreadingHTTPServer):
    """Answers every request in the same way, and keeps the port of each client."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.callers: list[int] = []
        self.hang_up_before: set[int] = set()
        self.hang_up_within: set[int] = set()
        self.pause = 0.0
        self.scheme = "http"

    @property
    def url(self) -> str:
        """Its own address."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}"


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, unless this request is one to hang up on."""
        assert isinstance(self.server, Server)
        self.server.callers.append(self.client_address[1])
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        number = len(self.server.callers)
        if number in self.server.hang_up_before:
            time.sleep(self.server.pause)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Set-Cookie", "stay=here")
        self.send_header("Content-Length", str(len(PAID)))
        self.end_headers()
        if number in self.server.hang_up_within:
            self.wfile.write(PAID[:9])
            self.wfile.flush()
            time.sleep(self.server.pause)
            self.close_connection = True
            return
        self.wfile.write(PAID)

    def do_POST(self) -> None:
        """Answer in the same way."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve on loopback, by TLS if there is a context."""
    with Server() as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def certificate(address: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for ``address``, and the file of authorities that verifies it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    address_of = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(minutes=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(address_of, critical=False)
        .sign(key, hashes.SHA256())
    )
    public, secret = folder / "public.pem", folder / "secret.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, secret)
    return context, public
