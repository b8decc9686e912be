"""Server of `unmask serve`: binds the port, loads the networks and runs until it is stopped."""

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

CONNECTIONS = 4  # per slot of the queue; further ones are answered with 503
KEEP_ALIVE = 5  # seconds that a connection may be idle
GOING = 5  # seconds to finish responses when the server is stopped
OPEN = (
    "anyone who reaches {host} can use this page, there is no password; photos travel unencrypted. "
    "Use --host 127.0.0.1 to keep it to this machine"
)

Report = Callable[[str], object]


def serve(
    settings: ServeSettings, announce: Report, warn: Report, example: Callable[[], bytes] | None = None
) -> None:
    """Serves until a signal stops it.

    Args:
        settings: address, limits, networks.
        announce: called with the page's address when the server is ready.
        warn: called with a warning.
        example: returns the example photo that the page offers, as JPEG bytes.

    Raises:
        UsageError: the address cannot be used, or there is no segmenter.
        MissingError, InputError: as in `open_networks`.
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
        announce(address(bound, settings.host))
        server.run(sockets=[bound])


def check_networks(unmasker: Unmasker) -> None:
    """Raises UsageError if there is no segmenter, without which no photo can be restored."""
    if unmasker.networks.segmenter_side is None:
        raise UsageError(
            "--weights: got no segmenter, which finds the masks on the page; give a segmenter's run as well"
        )


def networks_name(settings: ServeSettings) -> str:
    """Returns runtime and weights for display, without this machine's folders."""
    runtime = choose_runtime(settings.weights, settings.runtime, settings.device)
    return f"{runtime}: {', '.join(Path(name).name for name in settings.weights)}"


def build_server(shop: Shop) -> uvicorn.Server:
    """Builds the server, not yet running."""
    config = uvicorn.Config(
        build_app(shop),
        http=protocol_with_limit(shop.settings.seconds),
        ws="none",
        access_log=False,  # no record of requests, for privacy
        log_level="error",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS * shop.settings.queue,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GOING,
    )
    return uvicorn.Server(config)


def bind(host: str, port: int) -> socket.socket:
    """Binds a socket to an address.

    Raises:
        UsageError: the address does not exist or is taken.
        MissingError: this user may not use the port.
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
        why = error.strerror if isinstance(error, OSError) else "it is not a valid host name"
        raise UsageError(
            f"--host {host} --port {port}: cannot be listened on ({why}); choose another, or stop what holds it"
        ) from error


def address(bound: socket.socket, host: str) -> str:
    """Returns the URL of the page."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{bound.getsockname()[1]}/"


class TimedProtocol(H11Protocol):
    """HTTP protocol of uvicorn with a time limit: drops a connection if a request's head does not arrive in time.

    The extension `ABORT` lets the app drop the connection of a request.
    """

    seconds = 20.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts the timer for the first request head of a new connection."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Stops the timer when a request's head is complete, and provides `ABORT`."""
        self._start_timer()
        super().data_received(data)
        if not self._idle():
            self._stop_timer()
            self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer of a lost connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self) -> None:
        if self._idle() and self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        if self._idle():
            self.transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol_with_limit(seconds: float) -> type[asyncio.Protocol]:
    """Returns the class `TimedProtocol` with this time limit."""
    return type("TimedProtocol", (TimedProtocol,), {"seconds": seconds})
