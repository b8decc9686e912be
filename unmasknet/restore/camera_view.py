"""Display of a camera's restored images: a window, or without a display a page that only this machine can open."""

import os
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Protocol, runtime_checkable

import cv2
import numpy as np

from maskgen.errors import UnmaskError
from maskgen.types import RGBImage

TITLE = "unmask: what a mask covers is invented"
HOST = "127.0.0.1"
QUALITY = 85  # of the JPEGs in the page's stream
WAIT = 5.0  # seconds without a new image after which the stream ends
ESCAPE, QUIT = 27, ord("q")
PAGE = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{TITLE}</title><style>body{{margin:0;background:#1c1e21;color:#fafaf8;font:16px system-ui;text-align:center}}
img{{max-width:100%;max-height:90vh}}</style><p>What a mask covers is invented.</p><img src="/stream" alt="camera">
</html>"""


@runtime_checkable
class Screen(Protocol):
    """Display for images, closed when its context is left. `where`: tells the user where to look."""

    where: str

    def show(self, picture: RGBImage) -> bool:
        """Shows an image; returns False if the user wants to end."""

    def __enter__(self) -> "Screen": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_screen(port: int) -> Screen:
    """Opens a window, or a page at `port` if this machine has no display or OpenCV cannot open windows.

    Raises:
        UnmaskError: the port cannot be used.
    """
    return DisplayWindow() if has_display() else Page(port)


def has_display() -> bool:
    """Tells whether a window can be opened; headless builds of OpenCV cannot open any."""
    display = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    gui = next(
        (line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), ""
    )
    return display and not gui.strip().endswith("NONE") and gui != ""


class DisplayWindow:
    """OpenCV window. The keys q and Escape, or closing it, end the session."""

    where = "a window; press q to end"

    def __enter__(self) -> "DisplayWindow":
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cv2.destroyWindow(TITLE)

    def show(self, picture: RGBImage) -> bool:
        """Implements `Screen`."""
        cv2.imshow(TITLE, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        return pressed not in (ESCAPE, QUIT) and cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) > 0


class Page:
    """Web page with a stream of JPEGs. Answers only this machine, and only under its own host name."""

    def __init__(self, port: int) -> None:
        self._changed = threading.Condition()
        self._jpeg, self._count, self._ended = b"", 0, False
        try:
            self._server = ThreadingHTTPServer((HOST, port), partial(_Answer, self))
        except OSError as error:
            raise UnmaskError(
                f"--port {port}: {error.strerror}; choose another, or 0 for a free one"
            ) from error
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.where = f"http://{HOST}:{self.port}/ ; press Ctrl-C here to end"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Page":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, picture: RGBImage) -> bool:
        """Implements `Screen`. Always returns True: a page ends when the command is stopped."""
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        with self._changed:
            self._jpeg, self._count = np.asarray(encoded).tobytes(), self._count + 1
            self._changed.notify_all()
        return True

    def newer(self, count: int) -> tuple[bytes, int]:
        """Returns the newest image after number `count`, and its number; no bytes if none comes in time."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._count > count or self._ended, WAIT)
            return (self._jpeg, self._count) if came and self._count > count else (b"", count)


class _Answer(BaseHTTPRequestHandler):
    """Handler of one request."""

    def __init__(self, page: Page, *request: object) -> None:
        self._page = page
        super().__init__(*request)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answers with the page or its stream."""
        if self.headers.get("Host") not in (f"{HOST}:{self._page.port}", f"localhost:{self._page.port}"):
            self.send_error(403)  # another site's host name that resolves to this machine
        elif self.path == "/":
            self._send("text/html; charset=utf-8", PAGE.encode())
        elif self.path == "/stream":
            self._stream()
        else:
            self.send_error(404)

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        jpeg, count = self._page.newer(0)
        try:
            while jpeg:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                jpeg, count = self._page.newer(count)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Drops the line: requests are not logged."""
