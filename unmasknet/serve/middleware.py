"""Whom the page answers, and under which rules: Host and Origin of each request, the headers of each answer."""

import asyncio
import ipaddress
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ABORT = "unmask.abort"  # a request's extension that drops its connection, where the server has one
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
    """Tells whether only this machine can reach an address to listen on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Stands before the app.

    A page elsewhere may be shown in the same browser, and may try to send photos here or to read answers, under its
    own name (Origin) or under one that it had point here (Host). Both are refused.

    Args:
        app: what is guarded.
        host: the address that is listened on.
        names: further names that are ours.
        seconds: the longest that a client may leave a part of an answer untaken.
    """

    def __init__(self, app: ASGIApp, host: str, names: Collection[str], seconds: float) -> None:
        self.app = app
        self.names = {name.lower() for name in (*LOOPBACK, host, *names)}
        self.open = not is_loopback(host)
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        answer = self._patient(scope, noted)
        refusal = self.refusal(Headers(scope=scope))
        if refusal:
            await JSONResponse({"detail": refusal}, 403)(scope, receive, answer)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception:
            if not begun:  # whoever stands before us would answer without our headers
                failed = {"detail": "the server failed; its log says why"}
                await JSONResponse(failed, 500)(scope, receive, answer)
            raise

    def refusal(self, headers: Headers) -> str:
        """Returns why a request with these headers is refused; "" if it is not."""
        host = headers.get("host", "")
        if not self._ours(host):
            return "this page does not go by that name; see `names` in docs/serving.md"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "requests from other pages are refused"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return (
                "requests from other pages are refused" if headers.get("sec-fetch-mode") != "navigate" else ""
            )
        return ""

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.names:
            return True
        return self.open and _is_address(name)  # a number was not made to point here; a name may have been

    def _patient(self, scope: Scope, send: Send) -> Send:
        """Wraps `send` with our headers; a client that does not take its answer is dropped."""
        abort: Callable[[], None] = scope.get("extensions", {}).get(ABORT, {}).get("call", lambda: None)

        gone = False

        async def answer(message: Message) -> None:
            nonlocal gone
            if gone:
                return
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            try:
                await asyncio.wait_for(send(message), self.seconds)
            except asyncio.TimeoutError:
                gone = True
                abort()

        return answer


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
