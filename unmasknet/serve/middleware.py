"""Middleware that checks Host and Origin of each request and sets the security headers of each response."""

import asyncio
import ipaddress
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PACE = 1_000_000  # bytes of a response that a client must accept in `seconds`, and another `seconds` to begin
ABORT = "unmask.abort"  # extension of a request that drops its connection, if the server provides it
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Tells whether a server that listens on `host` can be reached only from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware against requests from other web pages.

    Another page in the same browser could send photos here or read responses, under its own name (Origin), or under a
    host name of its own that it points at this server (Host, DNS rebinding). Both are refused.

    Args:
        app: the app to protect.
        host: the address that the server listens on.
        names: further allowed host names.
        seconds: longest time that a client may take to accept a megabyte of a response.
    """

    def __init__(self, app: ASGIApp, host: str, names: Collection[str], seconds: float) -> None:
        self.app = app
        self.names = {name.lower() for name in (*LOOPBACK, host, *names)}
        self.open = not is_loopback(host)
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        answer = self._patient(scope, noted)
        try:
            refusal = self.refusal(Headers(scope=scope))
            if refusal:
                await JSONResponse({"detail": refusal}, 403)(scope, receive, answer)
                return
            await self.app(scope, receive, answer)
        except asyncio.CancelledError:  # the server stops, and has waited long enough
            if not begun:
                stopped = {"detail": "the server is being stopped"}
                await JSONResponse(stopped, 503, {"Connection": "close"})(scope, receive, answer)
        except Exception:
            if not begun:  # else the outer server would answer, without these headers
                failed = {"detail": "the server failed; its log says why"}
                await JSONResponse(failed, 500)(scope, receive, answer)
            raise

    def refusal(self, headers: Headers) -> str:
        """Returns why a request with these headers is refused, "" if it is accepted."""
        host = headers.get("host", "")
        if not self._is_allowed(host):
            return "this host name is not allowed; see `names` in docs/serving.md"
        origin = headers.get("origin")
        if origin is not None and _netloc(origin) != host.lower():
            return "requests from other pages are refused"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return (
                "requests from other pages are refused" if headers.get("sec-fetch-mode") != "navigate" else ""
            )
        return ""

    def _is_allowed(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.names:
            return True
        return self.open and _is_address(
            name
        )  # unlike a name, an IP address cannot be pointed here by others

    def _patient(self, scope: Scope, send: Send) -> Send:
        """Wraps `send`: adds the headers, and drops a client that does not accept its response in time."""
        abort: Callable[[], None] = scope.get("extensions", {}).get(ABORT, {}).get("call", lambda: None)

        gone, began, sent = False, 0.0, 0
        clock = asyncio.get_running_loop().time

        async def answer(message: Message) -> None:
            nonlocal gone, began, sent
            if gone:
                return
            began = began or clock()
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            try:
                left = began + self.seconds * (1 + sent / PACE) - clock()
                await asyncio.wait_for(send(message), max(left, 0))
                sent += len(message.get("body", b""))
            except asyncio.TimeoutError:
                gone = True
                abort()
                await asyncio.sleep(0)  # lets the server note it; else it logs an incomplete response

        return answer


def _netloc(origin: str) -> str | None:
    """Returns host and port of an Origin; None if it is malformed."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
