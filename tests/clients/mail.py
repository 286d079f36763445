"""A mail server that keeps what it is sent; it speaks as much SMTP as a sender needs."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class Mailbox:
    """What came in."""

    def __init__(self) -> None:
        self.port = 0
        self._messages: list[bytes] = []
        self._lock = threading.Lock()

    def keep(self, message: bytes) -> None:
        with self._lock:
            self._messages.append(message)

    def messages(self) -> list[EmailMessage]:
        with self._lock:
            return [message_from_bytes(one, policy=policy.default) for one in self._messages]

    def await_text(self, text: str, seconds: float = 120) -> EmailMessage:
        """Return the first message that has a text in it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self.messages():
                if text in text_of(message):
                    return message
            time.sleep(0.1)
        raise AssertionError(f"no mail says {text!r}: {[text_of(one) for one in self.messages()]}")


def text_of(message: EmailMessage) -> str:
    """Return what a message says, in one line."""
    body = message.get_body(("plain", "html"))
    return "" if body is None else " ".join(str(body.get_content()).split())


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run the server at a free port."""
    mailbox = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                command = line[:4].upper()
                if command == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    mailbox.keep(self.message())
                    self.wfile.write(b"250 kept\r\n")
                elif command == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 fine\r\n")

        def message(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b"."))
            return b"".join(lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        mailbox.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield mailbox
        server.shutdown()
