"""Real browser for tests: Chromium, driven through chromedriver by the W3C WebDriver protocol."""

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.helpers.waiting import HANG_GUARD, wait_for

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id in the protocol
KEYS = {
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Home": "\ue011",
    "End": "\ue010",
    "Control": "\ue009",
    "Shift": "\ue008",
    "Enter": "\ue007",
}


def find_browser() -> tuple[str, str] | None:
    """Returns the paths of a browser and its driver; None if one of them is not on this machine."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Page:
    """Window of a browser."""

    def __init__(self, session: str) -> None:
        self._session = session

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Sends a command of the protocol; returns its value."""
        answer = httpx2.request(
            method,
            f"{self._session}/{path}",
            json=(body or {}) if method == "POST" else None,
            timeout=HANG_GUARD,
        )
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    def open(self, url: str) -> None:
        """Opens a page and waits until it is loaded."""
        self.ask("POST", "url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """Runs the body of a function in the page; returns its result, awaited."""
        return self.ask("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, expression: str) -> None:
        """Waits until an expression is true in the page."""
        wait_for(lambda: self.run(f"return Boolean({expression})"))

    def click(self, selector: str) -> None:
        """Clicks an element, which must be visible."""
        found = self.ask("POST", "element", {"using": "css selector", "value": selector})
        self.ask("POST", f"element/{found[ELEMENT]}/click")

    def press(self, *keys: str, held: Sequence[str] = ()) -> None:
        """Presses keys one after another while others are held down."""
        codes = [KEYS.get(key, key) for key in keys]
        down = [{"type": "keyDown", "value": KEYS.get(key, key)} for key in held]
        up = [{"type": "keyUp", "value": one["value"]} for one in reversed(down)]
        taps = [{"type": kind, "value": code} for code in codes for kind in ("keyDown", "keyUp")]
        self.act({"type": "key", "id": "keys", "actions": [*down, *taps, *up]})

    def drag(self, points: Sequence[tuple[float, float]], pointer: str = "mouse", **pressed: object) -> None:
        """Drags a mouse, pen or touch over points of the window; `pressed`: of the pen, such as its pressure."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), **pressed} for x, y in points]
        steps = [
            moves[0],
            {"type": "pointerDown", "button": 0, **pressed},
            *moves[1:],
            {"type": "pointerUp", "button": 0},
        ]
        self.act({"type": "pointer", "id": pointer, "parameters": {"pointerType": pointer}, "actions": steps})

    def act(self, source: dict[str, object]) -> None:
        """Performs the actions of an input device."""
        self.ask("POST", "actions", {"actions": [source]})

    def picture(self) -> bytes:
        """Returns a screenshot of the window, PNG."""
        return base64.b64decode(self.ask("GET", "screenshot"))


@contextmanager
def browsing(
    width: int = 1280, height: int = 800, *, touch: bool = False, dark: bool = False
) -> Iterator[Page]:
    """Starts a browser whose page has this size in CSS pixels; `touch`: like that of a phone."""
    browser, driver = find_browser()
    with subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        try:
            port = next(
                filter(None, (re.search(r"successfully on port (\d+)", line) for line in program.stdout))
            )[1]
            yield from _session(f"http://127.0.0.1:{port}", browser, (width, height, touch, dark))
        finally:
            program.terminate()


def _session(url: str, browser: str, look: tuple[int, int, bool, bool]) -> Iterator[Page]:
    width, height, touch, dark = look
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
             "--hide-scrollbars", "--force-device-scale-factor=1"]  # fmt: skip
    flags += ["--blink-settings=preferredColorScheme=0"] if dark else []
    options: dict[str, object] = {"binary": browser, "args": flags}
    metrics = {"width": width, "height": height, "pixelRatio": 1, "touch": touch, "mobile": touch}
    options["mobileEmulation"] = {"deviceMetrics": metrics}
    wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
    made = httpx2.post(f"{url}/session", json=wanted, timeout=HANG_GUARD).json()["value"]
    assert "sessionId" in made, made
    page = Page(f"{url}/session/{made['sessionId']}")
    try:
        yield page
    finally:
        httpx2.delete(f"{url}/session/{made['sessionId']}", timeout=HANG_GUARD)
