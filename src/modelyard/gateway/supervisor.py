"""The gateway as the control plane sees it: a pool of worker processes that is kept alive.

A worker that dies is started anew at once, and is told the keys and the routes before it accepts
anything; what waits in its socket meanwhile is taken by its siblings (`listening`). A worker that
says nothing for long is taken for dead, and made so.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from modelyard.gateway.counters import Tally, total
from modelyard.gateway.permits import ACTION
from modelyard.gateway.process import listening_socket, shared_sockets
from modelyard.gateway.routes import (
    Endpoint,
    Keys,
    Routes,
    Verdict,
    encode_certificate,
    encode_keys,
    encode_policies_changed,
    encode_routes,
)
from modelyard.gateway.worker_process import Judge, Recorder, Slot
from modelyard.tls_sockets import Certificate
from modelyard.urls import base_url, reachable

START_SECONDS = 60.0
#: In which every worker must have loaded what is new, or the new endpoints count as failed.
APPLY_SECONDS = 120.0
#: In which a former server's workers, which are about to end, give the port back.
BIND_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def _refuse(question: Mapping[str, Any]) -> Verdict:
    refusal = f"User: {question['arn']} is not authorized to perform: {ACTION}: nobody decides"
    return Verdict(number=question["number"], allowed=False, refusal=refusal)


def _forget_calls(_calls: Sequence[Mapping[str, Any]]) -> None:
    pass


class GatewayUnavailable(Exception):
    """The inference gateway cannot be started; the message says why."""


class GatewayPool:
    """The workers of this machine.

    Used from one event loop, whose thread must live as long as the workers are to.

    Args:
        port: 0 picks a free one.
        workers: how many; by default one per core.
        capture_flush_seconds: how long captured data waits at most before it is written.
        drain_seconds: for requests under way when the pool is stopped.
        certificate: what to serve TLS with; without it, plain HTTP is served.
        name: what clients of this machine call the server, with TLS a name that the certificate
            is for; by default the address that it binds.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        workers: int | None = None,
        capture_flush_seconds: float = 10.0,
        drain_seconds: float = 10.0,
        certificate: Certificate | None = None,
        name: str | None = None,
        judge: Judge | None = None,
        record: Recorder = _forget_calls,
    ) -> None:
        self.host = host
        self._judge = judge or _refuse
        self._record = record
        self._name = name or reachable(host)
        self._certificate = certificate
        self._wanted_port = port
        self._count = workers or os.cpu_count() or 1
        self._options = [
            f"--capture-flush-seconds={capture_flush_seconds}",
            f"--drain-seconds={drain_seconds}",
        ]
        self._drain_seconds = drain_seconds
        self._sockets: list[socket.socket] = []
        self._slots: list[Slot] = []
        self._keys = Keys(secrets={}, tokens={}, sealing_key="", default_region="")
        self._routes = Routes(generation=0, endpoints={})
        self._progress = asyncio.Condition()
        self._launching: asyncio.Task[None] | None = None
        self._open = False

    def answer_with(self, judge: Judge, record: Recorder) -> None:
        """Say who answers the workers, and takes what they tell; ahead of `start`."""
        self._judge, self._record = judge, record

    @property
    def port(self) -> int:
        """The port that is listened at, once started.

        Raises:
            GatewayUnavailable: it is not.
        """
        if not self._sockets:
            raise GatewayUnavailable("the gateway has not been started")
        port: int = self._sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """How clients of this machine reach it, once started.

        Raises:
            GatewayUnavailable: it is not.
        """
        return base_url(self._scheme, self._name, self.port)

    @property
    def local_url(self) -> str:
        """How the server itself reaches it, once started: by the address that it binds.

        Raises:
            GatewayUnavailable: it is not.
        """
        return base_url(self._scheme, reachable(self.host), self.port)

    def launch(self) -> asyncio.Task[None]:
        """Begin to listen and to start the workers, which accept nothing until `start`.

        A worker takes a moment to read its program in, in which the server can do the same. The
        task that is returned ends once all processes are there.
        """
        if self._launching is None:
            self._launching = asyncio.create_task(self._launch())
        return self._launching

    async def start(self) -> None:
        """Launch, if that was not done, and return when all workers accept connections.

        Raises:
            GatewayUnavailable: the address is taken, or the workers do not come up.
        """
        await self.launch()
        self._open = True
        for slot in self._slots:
            slot.send(self._greeting())
        try:
            async with asyncio.timeout(START_SECONDS), self._progress:
                await self._progress.wait_for(lambda: all(slot.ready for slot in self._slots))
        except TimeoutError as error:
            await self.stop()
            raise GatewayUnavailable(
                f"the gateway's workers did not start within {START_SECONDS:.0f} s: see the log"
            ) from error
        log.info("gateway started", host=self.host, port=self.port, workers=self._count)

    async def _launch(self) -> None:
        self._sockets = await self._bind()
        descriptors = [listening.fileno() for listening in self._sockets]
        options = self._options
        if self._certificate is not None:
            options = [*options, f"--tls-url={self.url}"]
        for index, own in enumerate(descriptors):
            siblings = [descriptor for descriptor in descriptors if descriptor != own]
            slot = Slot(
                index,
                [own, *siblings],
                options,
                self._greeting,
                self._notice,
                self._answer,
                lambda calls: self._record(calls),
            )
            self._slots.append(slot)
            slot.start()

    async def set_keys(self, keys: Keys) -> None:
        """From now on, let those in who can prove themselves with `keys`."""
        self._keys = keys
        for slot in self._slots:
            slot.send(encode_keys(keys))

    async def set_certificate(self, certificate: Certificate) -> None:
        """From now on, greet new connections with another certificate."""
        self._certificate = certificate
        for slot in self._slots:
            slot.send(encode_certificate(certificate))

    async def apply(self, endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
        """Make every worker serve exactly `endpoints`; return why some failed, by their key.

        A failed endpoint goes on as it was before. When this returns, each worker answers for
        the new endpoints, and requests in flight are finished on the old.
        """
        changed = [key for key in endpoints if endpoints[key] != self._routes.endpoints.get(key)]
        routes = Routes(generation=self._routes.generation + 1, endpoints=dict(endpoints))
        self._routes = routes
        for slot in self._slots:
            slot.send(encode_routes(routes))
        try:
            async with asyncio.timeout(APPLY_SECONDS), self._progress:
                await self._progress.wait_for(lambda: self._applied(routes.generation))
        except TimeoutError:
            late = f"a gateway worker did not load it within {APPLY_SECONDS:.0f} s"
            return dict.fromkeys(changed, late)
        failed: dict[str, str] = {}
        for slot in self._slots:
            failed |= slot.failed
        return failed

    def metrics(self) -> dict[str, dict[str, Tally]]:
        """Return what all workers, also those that died, counted: by endpoint key and variant."""
        found: dict[str, dict[str, list[Tally]]] = {}
        for slot in self._slots:
            for key, variant, tally in slot.tallies():
                if key in self._routes.endpoints:
                    found.setdefault(key, {}).setdefault(variant, []).append(tally)
        return {
            key: {variant: total(tallies) for variant, tallies in variants.items()}
            for key, variants in found.items()
        }

    async def stop(self) -> None:
        """Let the workers finish what is under way and write what is captured, and end them."""
        if self._launching is not None:
            self._launching.cancel()
            await asyncio.gather(self._launching, return_exceptions=True)
            self._launching = None
        await asyncio.gather(*(slot.stop(self._drain_seconds) for slot in self._slots))
        self._slots.clear()
        for listening in self._sockets:
            listening.close()
        self._sockets.clear()
        self._open = False

    @property
    def _scheme(self) -> str:
        return "http" if self._certificate is None else "https"

    def policies_changed(self) -> None:
        """Have the workers ask again who may do what. To be called in the pool's loop."""
        for slot in self._slots:
            slot.send(encode_policies_changed())

    async def _answer(self, question: Mapping[str, Any]) -> Verdict:
        try:
            return await self._judge(question)
        except Exception:
            log.exception("whether an endpoint may be invoked could not be decided")
            return Verdict(
                number=question["number"],
                allowed=False,
                refusal="Whether you may invoke this endpoint could not be decided; the server's "
                "log says why.",
            )

    def _applied(self, generation: int) -> bool:
        return all(slot.applied >= generation for slot in self._slots)

    def _greeting(self) -> bytes:
        """Return what a new worker is told first; nothing, while it is to accept nothing."""
        if not self._open:
            return b""
        first = b"" if self._certificate is None else encode_certificate(self._certificate)
        return first + encode_keys(self._keys) + encode_routes(self._routes)

    async def _notice(self) -> None:
        """Wake who waits for a worker's progress."""
        async with self._progress:
            self._progress.notify_all()

    async def _bind(self) -> list[socket.socket]:
        deadline = asyncio.get_running_loop().time() + BIND_SECONDS
        while True:
            try:
                # Sockets that share a port share it with any process of the same user. One that
                # does not share finds out whether somebody else is there.
                with listening_socket(self.host, self._wanted_port) as probe:
                    port = probe.getsockname()[1]
                return shared_sockets(self.host, port, self._count)
            except OSError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise GatewayUnavailable(
                        f"the gateway cannot listen at {self.host}:{self._wanted_port}: "
                        f"{error.strerror or error}"
                    ) from error
            await asyncio.sleep(0.1)
