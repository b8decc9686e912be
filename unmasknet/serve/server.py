"""`unmask serve`: the networks loaded, the port bound, the page up until it is stopped."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from maskgen.errors import MissingError, UsageError
from unmasknet.restore.runtimes.open import choose_runtime
from unmasknet.restore.unmasker import Unmasker
from unmasknet.serve.app import Shop, build_app
from unmasknet.serve.middleware import ABORT, is_loopback
from unmasknet.serve.settings import ServeSettings

CONNECTIONS = 4  # for each place in the queue; further ones are answered 503
KEEP_ALIVE = 5  # seconds that a connection may lie idle
GOING = 5  # seconds that answers under way are given when the page is stopped
OPEN = (
    "anyone who reaches {host} can use this page, there is no password; photos travel unencrypted. "
    "Use --host 127.0.0.1 to keep it to this machine"
)

Told = Callable[[str], object]


def serve(
    settings: ServeSettings, tell: Told, warn: Told, example: Callable[[], bytes] | None = None
) -> None:
    """Serves until a signal stops it.

    Args:
        settings: address, limits, networks.
        tell: told the page's address when it is up.
        warn: told what to beware of.
        example: makes the photo that the page offers to try.

    Raises:
        UsageError: the address cannot be listened on, or there is no segmenter.
        MissingError, InputError: as `open_networks`.
    """
    bound = bind(settings.host, settings.port)
    with bound:
        if not is_loopback(settings.host):
            warn(OPEN.format(host=settings.host))
        unmasker = Unmasker.from_pretrained(
            settings.weights, runtime=settings.runtime, device=settings.device
        )
        check_networks(unmasker)
        server = build_server(Shop(unmasker, networks_name(settings), example, settings))
        tell(address(bound, settings.host))
        server.run(sockets=[bound])


def check_networks(unmasker: Unmasker) -> None:
    """Raises UsageError where no photo could be worked on: better now than at each of them."""
    if unmasker.networks.segmenter_side is None:
        raise UsageError(
            "--weights: got no segmenter, and a page has no maps; give a segmenter's run as well"
        )


def networks_name(settings: ServeSettings) -> str:
    """Names the runtime and weights for the page, without folders of this machine."""
    runtime = choose_runtime(settings.weights, settings.runtime, settings.device)
    return f"{runtime}: {', '.join(Path(name).name for name in settings.weights)}"


def build_server(shop: Shop) -> uvicorn.Server:
    """Builds the server of a page, not yet running."""
    config = uvicorn.Config(
        build_app(shop),
        http=patient(shop.settings.seconds),
        ws="none",
        access_log=False,  # who asked for what is nobody's business
        log_level="error",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS * shop.settings.queue,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GOING,
    )
    return uvicorn.Server(config)


def bind(host: str, port: int) -> socket.socket:
    """Binds a socket that listens.

    Raises:
        UsageError: the address is none, or taken. MissingError: it may not be used.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as stack:
            bound = stack.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
            stack.pop_all()  # it stays open
            return bound
    except PermissionError as error:
        raise MissingError(
            f"--port {port}: may not be used ({error.strerror}); choose one above 1023"
        ) from error
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no name of a machine"
        raise UsageError(
            f"--host {host} --port {port}: cannot be listened on ({why}); choose another, or stop what holds it"
        ) from error


def address(bound: socket.socket, host: str) -> str:
    """Returns the address at which a browser finds the page."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{bound.getsockname()[1]}/"


class Patient(H11Protocol):
    """uvicorn's protocol with an end to its patience: a request's head comes in time, or its connection is dropped.

    Requests may drop their connection themselves, by the extension `ABORT`.
    """

    seconds = 20.0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts to wait for the first head of a client that connected."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of a request."""
        self._wait()
        super().data_received(data)
        if not self._idle():
            self._rest()
            self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets a client that is gone."""
        self._rest()
        super().connection_lost(exc)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        if self._idle() and self._patience is None:
            self._patience = self.loop.call_later(self.seconds, self._give_up)

    def _give_up(self) -> None:
        self._patience = None
        if self._idle():
            self.transport.abort()

    def _rest(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def patient(seconds: float) -> type[asyncio.Protocol]:
    """Returns `Patient` with this time limit."""
    return type("Patient", (Patient,), {"seconds": seconds})
