"""Rows 36 to 40 of docs/faults.md: abuse of the page, requests of other pages, privacy, model files, misuse."""

import asyncio
import base64
import io
import json
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from maskgen.assets import asset
from maskgen.errors import InputError
from maskgen.images import codecs
from tests.helpers.serving import JPEG, Unmask, jpeg, serving, shop, upload
from tests.helpers.waiting import HANG_GUARD, wait_for
from unmasknet.restore.provenance import NOTE
from unmasknet.restore.unmasker import Restored
from unmasknet.serve.app import build_app
from unmasknet.serve.middleware import ABORT, is_loopback
from unmasknet.serve.response import INVENTED
from unmasknet.serve.server import OPEN, LimitedProtocol
from unmasknet.serve.settings import ServeSettings

pytestmark = pytest.mark.fault
HEAD = b"POST /api/unmask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
HERE = "http://127.0.0.1:8000"
ROOT = Path(__file__).parents[3]


LIMIT = 500.0  # seconds that a server gives its clients; only `pass_time` can make them pass


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of all event loops forward, so that a time limit ends without a wait for it."""
    ahead = 0.0
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda self: time.monotonic() + ahead)

    def forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    return forward


def client(*unmasks: Callable[..., Restored], **settings: object) -> TestClient:
    return TestClient(build_app(shop(*unmasks, **settings)), base_url=HERE)


def bomb() -> bytes:
    """Returns a PNG of a few hundred bytes whose header states 70,000 x 70,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 70_000, 70_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def in_parts(data: bytes, size: int = 500):
    """Yields a body in parts, so that its length is unknown."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


def test_row36_a_body_that_is_too_large_is_refused_before_it_is_read():
    with serving(shop(max_bytes=2000)) as url, socket.create_connection(_where(url)) as line:
        line.sendall(HEAD + b"Content-Length: 9000000\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 413")


def test_row36_a_chunked_body_is_refused_as_soon_as_it_is_too_large():
    with serving(shop(max_bytes=2000)) as url:
        refused = upload(url, in_parts(bytes(5000)))
        taken = upload(url, in_parts(jpeg()))
    assert (refused.status_code, taken.status_code) == (413, 200)


@pytest.mark.parametrize("kind", ["text/html", "multipart/form-data; boundary=x", "application/json", ""])
def test_row36_another_content_type_is_refused(kind):
    answer = client().post("/api/unmask", content=jpeg(), headers={"Content-Type": kind})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "data", [b"", b"<html>", jpeg()[:-200], bytes(300), bomb()], ids=["empty", "html", "cut", "zeros", "bomb"]
)
def test_row36_an_unusable_photo_is_refused_and_the_server_keeps_running(data):
    page = client()
    assert page.post("/api/unmask", content=data, headers=JPEG).status_code == 400
    assert page.post("/api/unmask", content=jpeg(), headers=JPEG).status_code == 200


def test_row36_an_image_bomb_takes_no_memory():
    code = (
        "import resource, sys\n"
        "from tests.unmasknet.serve.test_faults_serve import bomb, client\n"
        "from tests.helpers.serving import JPEG\n"
        "page = client()\n"
        "page.get('/')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "codes = {page.post('/api/unmask', content=bomb(), headers=JPEG).status_code for _ in range(20)}\n"
        "print(codes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    codes, grown = done.stdout.rsplit(maxsplit=1)
    assert codes == "{400}", done.stderr
    assert int(grown) < 20


def test_row36_a_photo_of_more_pixels_than_allowed_is_refused():
    answer = client(max_pixels=4096).post("/api/unmask", content=jpeg(100, 100), headers=JPEG)
    assert answer.status_code == 400
    said = answer.json()["detail"]
    assert all(
        one in said
        for one in ("100 x 100", "0.01 megapixels, at most 0.004096 are", "smaller copy", "unmask run")
    )


def test_row36_a_photo_with_a_side_beyond_what_any_command_takes_is_only_told_to_shrink():
    answer = client().post("/api/unmask", content=bomb(), headers=JPEG)
    said = answer.json()["detail"]
    assert answer.status_code == 400
    assert "smaller copy" in said
    assert "unmask run" not in said


def test_row36_a_photo_of_a_phone_of_50_megapixels_is_within_the_default():
    width, height = 8160, 6144
    assert width * height <= ServeSettings().max_pixels


def test_row67_a_video_is_refused_with_the_command_that_takes_it():
    head = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
    answer = client().post("/api/unmask", content=head + bytes(300), headers=JPEG)
    assert answer.status_code == 400
    assert "unmask run" in answer.json()["detail"]


def test_row36_slow_clients_are_dropped_and_do_not_block_others(pass_time):
    head = HEAD + b"Content-Length: 500\r\n\r\n"
    with serving(shop(seconds=LIMIT)) as url:
        silent, slow_head, slow_body = (socket.create_connection(_where(url)) for _ in range(3))
        with silent, slow_head, slow_body:
            slow_head.sendall(head[:20])
            slow_body.sendall(head + b"some")
            assert upload(url).status_code == 200
            assert select.select([silent, slow_head, slow_body], [], [], 0)[0] == []
            pass_time(LIMIT + 1)
            for line in (silent, slow_head, slow_body):
                line.settimeout(HANG_GUARD)
            assert slow_body.recv(100).startswith(b"HTTP/1.1 408")
            assert _gone(silent)
            assert _gone(slow_head)


def test_row36_a_client_that_does_not_read_its_response_loses_its_slot(pass_time):
    noise = np.random.default_rng(0).integers(0, 256, (800, 1000, 3), np.uint8)
    with serving(shop(seconds=LIMIT, queue=1)) as url, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(_where(url))
        data = codecs.encode_jpeg(noise, 50)  # its results are megabytes, more than the socket buffers hold
        line.sendall(
            HEAD.replace(b"unmask ", b"unmask?samples=4 ") + b"Content-Length: %d\r\n\r\n" % len(data) + data
        )
        line.recv(100)  # the response has begun
        assert upload(url).status_code == 429

        def is_answered() -> bool:
            pass_time(LIMIT + 1)
            return upload(url).status_code == 200

        wait_for(is_answered)


def test_row36_a_request_sent_before_the_last_response_has_the_same_time_limits(
    pass_time, monkeypatch, capfd
):
    lost, end = [], LimitedProtocol.connection_lost
    monkeypatch.setattr(
        LimitedProtocol, "connection_lost", lambda line, why: (end(line, why), lost.append(line))
    )
    get = b"GET /static/app.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with serving(shop(seconds=LIMIT)) as url, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(_where(url))
        line.sendall(get * 1000)  # their responses are megabytes, more than the socket buffers hold
        line.recv(100)
        wait_for(lambda: pass_time(LIMIT + 1) or lost)
    assert ABORT in lost[0].scope["extensions"]  # without it the connection stays as long as the client does
    assert capfd.readouterr().err == ""


def test_row36_of_100_requests_the_surplus_gets_429_and_50_are_all_answered():
    unmask = Unmask(threading.Event())
    with serving(shop(unmask, queue=50)) as url:
        hundred = _at_once(url, 100, on_response=_opens(unmask.gate, after=50))
        fifty = _at_once(url, 50)
    codes = [answer.status_code for answer in hundred]
    assert sorted(codes) == [200] * 50 + [429] * 50
    assert all(int(answer.headers["retry-after"]) > 0 for answer in hundred if answer.status_code == 429)
    assert [answer.status_code for answer in fifty] == [200] * 50
    assert unmask.most == 1


def test_row36_waiting_photos_hold_no_more_bytes_than_allowed():
    unmask = Unmask(threading.Event())
    with serving(shop(unmask, queue=100, queue_bytes=3 * len(jpeg()))) as url:
        answers = _at_once(url, 20, on_response=_opens(unmask.gate, after=17))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 17


def test_row36_memory_is_bounded_under_many_uploads():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving(shop(Unmask(), queue=50)) as url:
        answers = _at_once(url, 50, jpeg(700, 1000), keep=False)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert [answer.status_code for answer in answers] == [200] * 50
    assert grown < 400  # MB, the 50 clients in this process included


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2f..%2fpyproject.toml",
        "/static//etc/passwd",
        "/%2e%2e/README.md",
        "/static/",
        "/assets/web/app.js",
    ],
)
def test_row37_no_path_leads_to_other_files(path):
    with serving(shop()) as url, socket.create_connection(_where(url)) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 404")


REFUSED = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "10.0.0.7"},
    {"Host": "[::1"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
]
ALLOWED = [
    {"Host": "localhost:8000"},
    {"Host": "[::1]:8000"},
    {"Origin": HERE},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_row37_other_host_names_and_requests_of_other_pages_are_refused(headers):
    unmask = Unmask()
    page = client(unmask)
    assert page.post("/api/unmask", content=jpeg(), headers=JPEG | headers).status_code == 403
    assert page.get("/api/about", headers=headers).status_code == 403
    assert unmask.seen == 0


@pytest.mark.parametrize("headers", ALLOWED, ids=str)
def test_row37_allowed_host_names_and_requests_of_the_page_are_answered(headers):
    assert client().post("/api/unmask", content=jpeg(), headers=JPEG | headers).status_code == 200


def test_row37_a_page_on_all_addresses_allows_ip_addresses_and_given_names_only():
    page = client(host="0.0.0.0", names=("faces.example.org",))
    codes = {
        host: page.get("/api/about", headers={"Host": host}).status_code
        for host in ("192.168.1.5:8000", "faces.example.org", "evil.example")
    }
    assert codes == {"192.168.1.5:8000": 200, "faces.example.org": 200, "evil.example": 403}


@pytest.mark.parametrize("error", [RuntimeError, InputError])
def test_row37_a_500_response_has_the_security_headers_and_no_details(error):
    def broken(image, *, map, samples, seed):
        raise error("/a/secret/of/the/machine.onnx: the generator computed NaN")

    page = TestClient(build_app(shop(broken)), base_url=HERE, raise_server_exceptions=False)
    answer = page.post("/api/unmask", content=jpeg(), headers=JPEG)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_row37_only_loopback_addresses_get_no_warning():
    assert [
        is_loopback(host)
        for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "192.168.1.5", "faces")
    ] == [True] * 3 + [False] * 4
    assert "no password" in OPEN


def test_row37_the_api_has_no_path_or_url_parameter():
    schema = client().get("/openapi.json").json()
    given = {
        entry["name"]
        for path in schema["paths"].values()
        for verb in path.values()
        for entry in verb.get("parameters", [])
    }
    assert given == {"samples", "seed", "expression", "force"}


def test_row37_a_script_in_a_file_name_is_text_in_a_real_browser(tmp_path, monkeypatch):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium or chrome on this machine to try the page in")
    name = '"><img src=x onerror=document.title=1><script>document.title=2</script>.jpg'
    shutil.copytree(asset("web"), tmp_path / "web")
    with (tmp_path / "web/app.js").open("a") as script:
        script.write(
            f"take([new File([new Uint8Array({list(jpeg())})], {json.dumps(name)}, {{type: 'image/jpeg'}})]);"
        )
    monkeypatch.setattr("unmasknet.serve.app.asset", tmp_path.joinpath)
    with serving(shop()) as url:
        page = _dumped(browser, url, tmp_path / "profile")
    assert "<title>unmask</title>" in page
    assert re.search(r'<h2 id="name">"&gt;&lt;img src=x onerror', page)
    assert 'src="x"' not in page
    assert "1 face restored" in page


def test_row38_the_policy_forbids_requests_to_other_servers():
    policy = client().get("/").headers["content-security-policy"]
    assert "connect-src 'self'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*", policy)


def test_row38_serving_opens_no_connection(monkeypatch):
    def refused(*_):
        raise AssertionError("a connection was opened")

    page = client()
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert page.get("/").status_code == 200
    assert page.post("/api/unmask", content=jpeg(), headers=JPEG).status_code == 200


def test_row39_weights_for_the_page_run_no_code(tmp_path):
    from unmasknet.restore.unmasker import Unmasker

    bad = tmp_path / "unmask.onnx"
    bad.write_bytes(b"cos\nsystem\n(S'touch bad'\ntR.")
    with pytest.raises(Exception, match=r"damaged|was not written by unmask"):
        Unmasker.from_pretrained(str(bad), runtime="onnx")


def test_row40_every_page_response_and_image_says_that_it_is_invented():
    page = client()
    assert "must not be used to tell who" in page.get("/").text
    assert "must not be used to tell who" in page.get("/docs").text
    assert page.get("/openapi.json").json()["info"]["description"] == INVENTED
    answer = page.post("/api/unmask", content=jpeg(), headers=JPEG).json()
    assert answer["note"] == INVENTED
    picture = Image.open(io.BytesIO(base64.b64decode(answer["pictures"][0].partition(",")[2])))
    assert picture.info["Description"] == NOTE


def _where(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def _gone(line: socket.socket) -> bool:
    try:
        return line.recv(100) == b""
    except ConnectionResetError:
        return True


def _opens(gate: threading.Event, after: int) -> Callable[[httpx2.Response], None]:
    """Returns a function that opens a gate when it has been given that many responses with 429."""
    refused = 0

    def count(answer: httpx2.Response) -> None:
        nonlocal refused
        refused += answer.status_code == 429
        if refused == after:
            gate.set()

    return count


def _at_once(
    url: str,
    count: int,
    data: bytes = b"",
    *,
    keep: bool = True,
    on_response: Callable[[httpx2.Response], object] = lambda _: None,
) -> list[httpx2.Response]:
    """Returns the responses to `count` uploads that start together."""
    data = data or jpeg()

    async def one(page: httpx2.AsyncClient) -> httpx2.Response:
        async with page.stream("POST", f"{url}/api/unmask", content=data, headers=JPEG) as answer:
            async for part in answer.aiter_raw():
                assert part or keep
        on_response(answer)
        return answer

    async def all_of_them() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx2.AsyncClient(limits=limits, timeout=500) as page:
            return await asyncio.gather(*(one(page) for _ in range(count)))

    return asyncio.run(all_of_them())


def _dumped(browser: str, url: str, profile: Path) -> str:
    """Returns the HTML of the page after a browser has run its scripts."""
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         f"--user-data-dir={profile}", "--virtual-time-budget=15000", "--dump-dom", url + "/"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout
