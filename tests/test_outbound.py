from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelyard import clock
from modelyard.outbound import Outbound, OutboundError, is_public

HOST = "issuer.example"


class Handler(BaseHTTPRequestHandler):
    released = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/keys")
            self.end_headers()
            return
        if self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
            self.wfile.flush()
            self.released.wait(30)
            return
        body = b"x" * 2000 if self.path == "/large" else f"{self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("X-Echo", self.headers["X-Sent"])
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        Handler.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
        Handler.released.clear()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as found:
        yield found


def local(*names: str, tls: ssl.SSLContext | None = None) -> Outbound:
    return Outbound(names, tls=tls, resolve=lambda host, port: ["127.0.0.1"])


def test_a_host_is_called_by_its_name_at_the_address_that_was_looked_at(port: int) -> None:
    answer = local(HOST).call("GET", f"http://{HOST}:{port}/keys?a=b")
    assert (answer.status, answer.body) == (200, f"{HOST}:{port}".encode())


def test_a_body_and_headers_are_sent(port: int) -> None:
    answer = local("*.example").call(
        "POST", f"http://{HOST}:{port}/", body=b"abc", headers={"X-Sent": "me"}
    )
    assert (answer.status, answer.headers["x-echo"], answer.body) == (201, "me", b"cba")


def test_a_redirect_is_not_followed(port: int) -> None:
    answer = local(HOST).call("GET", f"http://{HOST}:{port}/moved")
    assert (answer.status, answer.headers["location"]) == (302, "/keys")


def test_an_answer_that_is_too_large_or_cut_is_none(port: int) -> None:
    with pytest.raises(OutboundError, match="more than 1999 bytes"):
        local(HOST).call("GET", f"http://{HOST}:{port}/large", max_bytes=1999)
    assert local(HOST).call("GET", f"http://{HOST}:{port}/large", max_bytes=2000).body
    with pytest.raises(OutboundError, match="cut at"):
        local(HOST).call("GET", f"http://{HOST}:{port}/cut")


def test_an_answer_that_drips_ends_with_the_whole_calls_time(port: int) -> None:
    with pytest.raises(OutboundError, match="no whole answer"):
        local(HOST).call("GET", f"http://{HOST}:{port}/drip", seconds=0.3)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://issuer.example/", "only https"),
        ("ftp://issuer.example/", "only https"),
        ("file:///etc/passwd", "names no host"),
        ("https:///keys", "names no host"),
        ("https://a b/", "names no host"),
        ("https://user:secret@issuer.example/", "credentials"),
        ("https://issuer.example:99999/", "not a URL"),
        ("https://issuer.example/\r\nX-Evil: 1", "names no host|plain ASCII"),
        ("https://issuer.example/" + "x" * 3000, "too long"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://issuer.example/", "not a public address"),
    ],
)
def test_what_may_not_be_called_is_refused_unasked(url: str, why: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.7" if host == HOST else host]

    with pytest.raises(OutboundError, match=why) as caught:
        Outbound(resolve=resolve).call("GET", url)
    assert "secret" not in str(caught.value)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    outbound = Outbound(resolve=lambda host, port: ["8.8.8.8", "192.168.0.1"])
    with pytest.raises(OutboundError, match=r"192\.168\.0\.1"):
        outbound.call("GET", "https://issuer.example/")


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("2002:0a00:0001::1", False),
    ],
)
def test_an_address_is_public_or_not(text: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(text)) == public


def certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_the_other_side_proves_its_name(tmp_path: Path) -> None:
    both = certificate(tmp_path)
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(both)
    trusting = ssl.create_default_context(cafile=both)
    with serving(offered) as port:
        known = local(HOST, "other.example", tls=trusting)
        assert known.call("GET", f"https://{HOST}:{port}/").status == 200
        with pytest.raises(OutboundError, match=r"other\.example"):
            known.call("GET", f"https://other.example:{port}/")
        with pytest.raises(OutboundError, match="certificate"):
            local(HOST).call("GET", f"https://{HOST}:{port}/")
