"""One server, from its first line to its last: what starts when, and what stops in which order.

Reading the rooms' modules in takes most of the time that a start takes, and one core. What another
can do meanwhile is begun ahead of it: the gateway's workers, and the trial of the runtime.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import structlog
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from modelyard import clock
from modelyard.assembly.gateway import gateway_pool
from modelyard.compute.runtime import Runtime
from modelyard.compute.runtimes import best_runtime
from modelyard.home import Home, ServerInfo
from modelyard.settings import Settings
from modelyard.tls_sockets import Certificate, Handshakes, TlsListener
from modelyard.urls import base_url, reachable

if TYPE_CHECKING:
    from modelyard.app import Modelyard
    from modelyard.tls.renewal import Renewal

_SHUTDOWN_SECONDS = 30
#: How long a thread may go on while another waits for its turn. Python's own 5 ms is longer than a
#: request takes, and a request changes threads twice: what works behind the requests is that often
#: in its way.
_TURN_SECONDS = 0.0005

log = structlog.get_logger(__name__)


class PortInUse(Exception):
    """Another program listens on the port."""


def serve(settings: Settings, on_ready: Callable[[ServerInfo], None]) -> None:
    """Run a server until SIGINT or SIGTERM.

    Args:
        on_ready: called once it answers.

    Raises:
        HomeError: the home cannot be used, or another server uses it.
        PortInUse: the port is taken.
        TlsError: there is no certificate that can be used.
    """
    sys.setswitchinterval(_TURN_SECONDS)
    home = Home(settings.home)
    home.create()
    with home.lock(), _bound(settings.host, settings.port) as listener, _no_garbage():
        tls = _tls(settings, home) if settings.tls else None
        port = listener.getsockname()[1]
        url = (
            base_url("http", reachable(settings.host), port)
            if tls is None
            else base_url("https", tls.host, port)
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings, home, listener, url, tls, on_ready))


async def _run(
    settings: Settings,
    home: Home,
    listener: socket.socket,
    url: str,
    tls: Renewal | None,
    on_ready: Callable[[ServerInfo], None],
) -> None:
    async with _built(settings, home, url, tls) as modelyard, _running(modelyard):

        def announce() -> None:
            info = _announcement(settings, modelyard, url, tls)
            home.announce(info)
            _keep_all()
            on_ready(info)

        server = _Server(
            uvicorn.Config(
                modelyard.asgi,
                http="httptools",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ),
            announce,
            url,
            tls,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve(sockets=[listener])


@asynccontextmanager
async def _built(
    settings: Settings, home: Home, url: str, tls: Renewal | None
) -> AsyncIterator[Modelyard]:
    gateway = gateway_pool(settings, tls)
    gateway.launch()
    trial = asyncio.create_task(
        best_runtime(home.run / "programs", hidden=[home.path], only=settings.runtime)
    )

    def build(runtime: Runtime) -> Modelyard:
        from modelyard import app

        return app.build(settings, home, runtime, url, tls, gateway)

    try:
        await asyncio.to_thread(importlib.import_module, "modelyard.app")
        yield await asyncio.to_thread(build, await trial)
    finally:
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        await gateway.stop()


@asynccontextmanager
async def _running(modelyard: Modelyard) -> AsyncIterator[None]:
    """Start the rooms, each on what it needs, and stop them in the opposite order."""
    async with AsyncExitStack() as stack:
        for step in modelyard.steps:
            stack.push_async_callback(step.stop)
            await step.start()
        yield


class _Server(uvicorn.Server):
    """uvicorn, telling when it listens, and stopping when told to, by no signal of its own.

    With TLS uvicorn would listen with one certificate for ever, and let plain HTTP fail without a
    word: then the connections are accepted here, and it is given those that have shaken hands.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_listening: Callable[[], None],
        url: str,
        tls: Renewal | None,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._url = url
        self._tls = tls
        self._listeners: list[TlsListener] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._tls is None:
            await super().startup(sockets=sockets)
        else:
            await super().startup(sockets=[])
            self._listen(sockets or [], self._tls)
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self._listeners:
            listener.close()
        await super().shutdown(sockets=sockets)

    def _listen(self, sockets: list[socket.socket], tls: Renewal) -> None:
        handshakes = Handshakes(self._connection, lambda: self._url)
        handshakes.set_certificate(tls.certificate)

        async def renew(certificate: Certificate) -> None:
            handshakes.set_certificate(certificate)

        tls.subscribe(renew)
        for listening in sockets:
            self._listeners.append(TlsListener(listening, handshakes))
            self._listeners[-1].start()

    def _connection(self) -> asyncio.Protocol:
        return HttpToolsProtocol(self.config, self.server_state, self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Finish what is being answered, then end; the second time, end at once."""
        self.handle_exit(signal.SIGINT, None)


def _announcement(
    settings: Settings, modelyard: Modelyard, url: str, tls: Renewal | None
) -> ServerInfo:
    return ServerInfo(
        pid=os.getpid(),
        url=url,
        gateway_url=modelyard.gateway_url(),
        region=settings.region,
        assets_bucket=settings.assets_bucket,
        started_at=clock.now(),
        ca_file=None if tls is None else str(tls.ca_file),
    )


def _tls(settings: Settings, home: Home) -> Renewal:
    from modelyard.tls.establish import establish_tls

    return establish_tls(settings, home)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Look for no garbage until `_keep_all`: nearly all that a start makes stays, and Python would
    look through it again and again for a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _keep_all() -> None:
    """Look for garbage from now on, in what is made from now on."""
    gc.freeze()
    gc.enable()


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port ahead of all else, so that a taken one costs nothing but a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                raise
            raise PortInUse(
                f"cannot listen on {host}:{port} ({error.strerror}): stop what does, or give"
                " another with --port (0 picks a free one)"
            ) from error
        yield listener
