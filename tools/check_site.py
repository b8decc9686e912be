"""Opens the pages of the site in Chromium, without a network: python -m tools.check_site [SITE] [--to FOLDER].

Needs Linux, `chromium` and `chromedriver`. The program starts itself again in a network namespace that has loopback
alone, serves the site there, and opens every page, desktop and phone, light and dark. It fails if

- a page asks for an address that is not its server's, or that the server does not have;
- a page is wider than the window, or an image on it is broken;
- the search finds nothing, from the server or from disk.

Screenshots of a few pages go to FOLDER.
"""

import argparse
import base64
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
WINDOWS = {"desktop": (1280, 900), "phone": (390, 844)}  # width and height in CSS pixels
SCHEMES = ("light", "dark")
SHOWN = ("docs/index", "docs/start/mask-a-folder", "docs/commands", "docs/settings", "docs/python", "docs/gallery",
         "docs/readers", "docs/weights", "docs/masks", "docs/faults")  # fmt: skip
QUERY = "nose wire"
INSIDE = "UNMASK_CHECK_SITE_INSIDE"  # set in the namespace
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking",
           "--disable-component-update", "--no-first-run"]  # fmt: skip
WIDE = """
const wide = document.documentElement.scrollWidth - window.innerWidth;
const broken = [...document.images].filter(one => one.complete && !one.naturalWidth).map(one => one.src);
return [wide, broken];
"""
RESULTS = "return document.querySelectorAll('#search-results li').length"


class Browser:
    """Chromium under chromedriver, spoken to by the WebDriver protocol."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": OPTIONS},
            "goog:loggingPrefs": {"performance": "ALL"},
        }
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{made['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.load(answer)["value"]

    def set_window(self, width: int, height: int, *, phone: bool, scheme: str) -> None:
        """Sets the window and the colour scheme that the reader prefers."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self._command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def _command(self, name: str, **parameters: Any) -> Any:
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, address: str) -> None:
        """Opens a page and waits until it is loaded."""
        self._call("POST", f"{self._session}/url", {"url": address})

    def run(self, script: str) -> Any:
        """Runs a script in the page."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": []})

    def type_query(self, text: str) -> None:
        """Types a query into the search field of the page, and presses Enter."""
        found = self._call(
            "POST", f"{self._session}/element", {"using": "css selector", "value": "input[name=q]"}
        )
        (element,) = found.values()
        self._call("POST", f"{self._session}/element/{element}/value", {"text": f"{text}\ue007"})

    def requests(self) -> Iterator[tuple[str, int]]:
        """Yields the addresses that pages asked for since the last call, and the server's status; 0 for failures."""
        asked: dict[str, str] = {}
        for entry in self._call("POST", f"{self._session}/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            values = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                asked[values["requestId"]] = values["request"]["url"]
                yield values["request"]["url"], 200
            elif message["method"] == "Network.responseReceived":
                yield values["response"]["url"], values["response"]["status"] or 200
            elif message["method"] == "Network.loadingFailed" and not values.get("canceled"):
                yield asked.get(values["requestId"], "?"), 0

    def screenshot(self, path: Path) -> None:
        """Writes what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def quit(self) -> None:
        """Ends the browser."""
        self._call("DELETE", self._session)


def check_site(site: Path, shots: Path) -> list[str]:
    """Opens every page of a site in every window; returns one line per problem."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    problems: list[str] = []
    count = 0
    with _served(site) as address, _browser() as browser:
        for window, (width, height) in WINDOWS.items():
            for scheme in SCHEMES:
                browser.set_window(width, height, phone=window == "phone", scheme=scheme)
                for page in pages:
                    browser.open(f"{address}/{page}")
                    problems += [f"{page} ({window}): {one}" for one in _faults(browser)]
                    if page.removesuffix(".html") in SHOWN:
                        browser.screenshot(shots / f"{Path(page).stem}-{window}-{scheme}.png")
                problems += [
                    f"{window}: {one}"
                    for one in _search(browser, address, shots / f"search-{window}-{scheme}.png")
                ]
        for asked, status in browser.requests():
            count += 1
            if not asked.startswith((f"{address}/", "data:", "blob:")):
                problems.append(f"asks for {asked}")
            elif status not in (200, 304):
                problems.append(f"the server answers {status} for {asked}")
        problems += [
            f"from disk: {one}" for one in _search(browser, f"file://{site}", shots / "search-disk.png")
        ]
        outside = [
            asked for asked, _ in browser.requests() if not asked.startswith(("file:", "data:", "blob:"))
        ]
        problems += [f"from disk: asks for {one}" for one in outside]
    print(f"{len(pages)} pages in {len(WINDOWS) * len(SCHEMES)} windows, {count} events of requests")
    return list(dict.fromkeys(problems))


def _faults(browser: Browser) -> Iterator[str]:
    wide, broken = browser.run(WIDE)
    if wide > 0:
        yield f"{wide} pixels wider than the window"
    yield from (f"broken image {one}" for one in broken)


def _search(browser: Browser, address: str, shot: Path) -> Iterator[str]:
    """Types a query on the home page and reads the results."""
    browser.open(f"{address}/search.html")
    browser.type_query(QUERY)
    deadline = time.monotonic() + 20
    while not browser.run(RESULTS):
        if time.monotonic() > deadline:
            yield f"the search for {QUERY} finds nothing"
            break
        time.sleep(0.1)
    browser.screenshot(shot)


@contextmanager
def _served(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            """Prints nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _browser() -> Iterator[Browser]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"],  # noqa: S607
            env=os.environ | {"HOME": home, "TMPDIR": home},
            stdout=subprocess.DEVNULL,
        )
        try:
            browser = _started(port)
            yield browser
            browser.quit()
        finally:
            driver.terminate()
            driver.wait()


def _started(port: int) -> Browser:
    deadline = time.monotonic() + 60
    while True:
        try:
            return Browser(port)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main() -> int:
    """Checks a site in a namespace of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "site")
    parser.add_argument("--to", type=Path, default=ROOT / "build/screenshots")
    chosen = parser.parse_args()
    if missing := [
        name for name in ("chromium", "chromedriver", "unshare", "ip") if shutil.which(name) is None
    ]:
        parser.error(f"not installed: {', '.join(missing)}")
    if not (chosen.site / "index.html").exists():
        parser.error(f"{chosen.site} holds no site; run make site")
    if INSIDE not in os.environ:
        again = " ".join(
            [f"'{sys.executable}' -m tools.check_site '{chosen.site.resolve()}' --to '{chosen.to.resolve()}'"]
        )
        command = ["unshare", "--map-root-user", "--net", "sh", "-c", f"ip link set lo up && exec {again}"]
        return subprocess.run(command, env=os.environ | {INSIDE: "1"}, cwd=ROOT, check=False).returncode
    chosen.to.mkdir(parents=True, exist_ok=True)
    problems = check_site(chosen.site.resolve(), chosen.to)
    print("\n".join(problems) or "no request leaves, no page is too wide, the search finds")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
