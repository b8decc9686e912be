"""Server of `unmask serve`: binds the port, loads the networks and runs until it is stopped."""

import asyncio
import json
import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h11
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from maskgen.errors import MissingError, UsageError
from unmasknet.restore.runtimes.open import choose_runtime
from unmasknet.restore.unmasker import Unmasker
from unmasknet.serve.app import Shop, build_app
from unmasknet.serve.middleware import ABORT, HEADERS, is_loopback
from unmasknet.serve.settings import ServeSettings

CONNECTIONS = 4  # per place in the queue; beyond them, the one that has been silent longest is dropped
OWN_FILES = 128  # file descriptors that are left for all else: libraries, decoder processes
STALLED = 1.0  # seconds without a byte after which a client that sends a photo counts as silent
KEEP_ALIVE = 5  # seconds that a connection may be idle after a response
GOING = 3  # seconds to finish responses when the server is stopped; the rest, which is killed, takes one more
FULL = "too many connections; try again in a moment"
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
        unmaskers = tuple(
            Unmasker.from_pretrained(settings.weights, runtime=settings.runtime, device=settings.device)
            for _ in range(settings.restorers)
        )
        check_networks(unmaskers[0])
        server = build_server(Shop(unmaskers, networks_name(settings), example, settings))
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
        http=protocol_with_limits(shop.settings.seconds, most_connections(shop.settings.queue)),
        ws="none",
        access_log=False,  # no record of requests, for privacy
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GOING,
    )
    return uvicorn.Server(config)


def bind(host: str, port: int) -> socket.socket:
    """Binds a socket to an address, and listens on it.

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
            bound.listen()  # who reads the announced address is not refused
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


def most_connections(queue: int) -> int:
    """Returns how many clients may be connected at once: some per place in the queue, as the system's limit allows."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = files - OWN_FILES if files != resource.RLIM_INFINITY else CONNECTIONS * queue
    return max(CONNECTIONS, min(CONNECTIONS * queue, room))


class LimitedProtocol(H11Protocol):
    """HTTP protocol of uvicorn that silent clients cannot block.

    It drops a connection if the head of a request does not arrive in time. A client that comes when all connections are
    taken replaces the one that has been silent longest while the server waits for it. All responses have the security
    headers, also those that the app does not see. The extension `ABORT` lets the app drop a request's connection.
    """

    seconds = 20.0
    most = 256
    heard = 0.0  # time of the last byte from the client
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Makes room for a new connection, and starts the timer for its first request head."""
        if len(self.connections) >= self.most and not self._drop_silent():
            self.app = _refuse
        self.heard = self.loop.time()
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Starts the timer if a request's head begins."""
        self.heard = self.loop.time()
        self._start_timer()
        super().data_received(data)

    def handle_events(self) -> None:
        """Stops the timer when a request's head is complete, and provides `ABORT`.

        It is also called when a response ends, for a request that was sent before that.
        """
        super().handle_events()
        if not self._idle():
            self._stop_timer()
            self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer of a lost connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, with the security headers."""
        body = json.dumps({"detail": msg}).encode()
        headers = [*HEADERS.items(), ("Content-Type", "application/json"), ("Connection", "close")]
        head = h11.Response(status_code=400, headers=[*headers, ("Content-Length", str(len(body)))])
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def is_silent(self) -> bool:
        """Tells whether the server waits for this client: for a request, or for a photo that has stalled."""
        if self._idle():
            return True
        stalled = self.loop.time() - self.heard > STALLED
        return self.cycle.more_body and not self.cycle.response_started and stalled

    def _drop_silent(self) -> bool:
        silent = [one for one in self.connections if isinstance(one, LimitedProtocol) and one.is_silent()]
        if not silent:
            return False
        longest = min(silent, key=lambda one: one.heard)
        self.connections.discard(longest)  # at once; `connection_lost` is called in the loop's next round
        longest.transport.abort()
        return True

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


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    headers = HEADERS | {"Connection": "close", "Retry-After": "2"}
    await JSONResponse({"detail": FULL}, 503, headers)(scope, receive, send)


def protocol_with_limits(seconds: float, most: int) -> type[asyncio.Protocol]:
    """Returns the class `LimitedProtocol` with a time limit and a number of connections."""
    return type("LimitedProtocol", (LimitedProtocol,), {"seconds": seconds, "most": most})
