"""Rows 59, 65 and 66 of docs/faults.md: decoding with a deadline, headers, clients that leave or wait."""

import asyncio
import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.images.decoder_jobs import photo_job
from tests.helpers.decoders import CRASH, HANG, READ
from tests.helpers.restoring import ToyNetworks, fixed_detector
from tests.helpers.serving import JPEG, Unmask, jpeg, serving, shop, upload
from tests.helpers.waiting import HANG_GUARD, is_alive, wait_for
from unmasknet.restore.unmasker import Restored, Unmasker
from unmasknet.serve import app
from unmasknet.serve.app import FILES, PAGES, build_app
from unmasknet.serve.decoders import Decoders
from unmasknet.serve.fair_queue import FairQueue
from unmasknet.serve.middleware import ABORT, HEADERS, Guard
from unmasknet.serve.upload import join_queue

pytestmark = pytest.mark.fault
HERE = "http://127.0.0.1:8000"
ROOT = Path(__file__).parents[3]
FOREVER = 3000.0  # seconds, longer than any test
HEAD = (
    "POST /api/unmask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n"
)
GET = b"GET /api/about HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
PROGRAM = """
import sys
from functools import partial
from tests.helpers.decoders import READ
from tests.helpers.serving import StandIn
from unmasknet.cli.program import main
from unmasknet.serve import server
server.Shop, server.Unmasker = partial(server.Shop, read=READ), StandIn
sys.argv = ["unmask", "serve", "--port", "0", "--json", "--set", "decode_seconds=3000"]
main()
"""


def client(*unmasks: Callable[..., Restored], **settings: object) -> TestClient:
    return TestClient(build_app(shop(*unmasks, **settings)), base_url=HERE, raise_server_exceptions=False)


def hang(url: str) -> threading.Thread:
    """Sends a photo whose decoding hangs, in a thread that ends with the response or the connection."""

    def send() -> None:
        with socket.create_connection(_where(url)) as line:
            line.sendall(HEAD.format(len(HANG)).encode() + HANG)
            line.recv(1000)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def test_row59_others_are_answered_while_a_decoder_hangs():
    with serving(shop(read=READ, decode_seconds=FOREVER)) as url:
        for _ in range(2):
            hang(url)
        assert upload(url).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_row59_one_client_cannot_occupy_all_decoders():
    with serving(shop(read=READ, decode_seconds=FOREVER)) as url:
        for _ in range(10):
            hang(url)
        wait_for(lambda: len(_decoders()) >= 3)
        transport = httpx2.HTTPTransport(local_address="127.0.0.2")
        with httpx2.Client(transport=transport, timeout=HANG_GUARD) as page:
            for _ in range(3):
                assert page.post(f"{url}/api/unmask", content=jpeg(), headers=JPEG).status_code == 200


def test_row59_a_photo_that_takes_too_long_gets_422_and_its_decoder_is_replaced():
    with serving(shop(read=READ, decoders=1, decode_seconds=1.0)) as url:
        late = upload(url, HANG)
        wait_for(
            lambda: upload(url).status_code == 200
        )  # 1 s may be short for a new process on a busy machine
    assert late.status_code == 422
    assert late.json()["detail"] == ("the photo cannot be used: decoding failed: it takes longer than 1 s")
    assert "content-security-policy" in late.headers


def test_row59_a_photo_that_crashes_its_decoder_gets_422_and_the_next_one_is_answered():
    with serving(shop(read=READ, decoders=1)) as url:
        crashed, good = upload(url, CRASH), upload(url)
    assert (crashed.status_code, good.status_code) == (422, 200)
    assert "\n" not in crashed.json()["detail"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(sys.platform != "linux", reason="lists the children of a process by /proc")
def test_row59_a_signal_ends_the_server_within_5_seconds_while_decoders_hang(number):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            url = json.loads(program.stdout.readline())["address"].rstrip("/")
            for _ in range(2):
                hang(url)
            wait_for(lambda: len(_children(program.pid)) == 2)
            children = _children(program.pid)
            began = time.monotonic()
            program.send_signal(number)
            _, said = program.communicate(timeout=HANG_GUARD)
            assert time.monotonic() - began < 5
        finally:
            program.kill()
    assert program.returncode == 128 + number
    assert "Traceback" not in said
    wait_for(lambda: not any(is_alive(child) for child in children))


def test_row59_a_server_that_stops_answers_those_who_wait(monkeypatch):
    arrived = threading.Event()
    monkeypatch.setattr(app, "join_queue", lambda slot: (join_queue(slot), arrived.set()))
    with serving(shop(read=READ, decoders=1, decode_seconds=FOREVER)) as url:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(upload(url, HANG)))
        thread.start()
        assert arrived.wait(HANG_GUARD)
    thread.join(HANG_GUARD)
    assert [answer.status_code for answer in answers] == [503]


def test_row59_a_decoder_that_ends_its_work_while_the_server_stops_is_ended():
    class Closing(set):
        def discard(self, process):
            super().discard(process)
            decoders.close()

    decoders = Decoders(1, HANG_GUARD, 10_000, READ)
    decoders._busy = Closing()
    assert not isinstance(decoders._decode(photo_job(10_000, 255), jpeg()), Skip)
    assert [process.alive for process in decoders._idle] == [False]


def test_row59_a_map_is_used_instead_of_searching_for_masks():
    drawn = np.zeros((48, 64, 3), np.uint8)
    drawn[2:6, 3:9] = 255
    form = {"photo": ("a.jpg", jpeg(), "image/jpeg"), "map": ("m.png", codecs.encode_lossless(drawn, "png"))}
    answer = client().post("/api/unmask", files=form)
    assert answer.status_code == 200
    given = codecs.decode(_bytes_of(answer.json()["map"]), max_pixels=1 << 20, background=0)
    assert (given == drawn).all()
    assert client().post("/api/unmask", files={"photo": form["photo"]}).status_code == 200


BAD_FORMS = {
    "no photo": {"map": ("m.png", b"x")},
    "other field": {"photo": ("a.jpg", jpeg()), "path": ("p", b"/etc/passwd")},
    "two photos": [("photo", ("a.jpg", jpeg())), ("photo", ("b.jpg", jpeg()))],
    "map is no image": {"photo": ("a.jpg", jpeg()), "map": ("m.png", b"<html>")},
    "empty map file": {"photo": ("a.jpg", jpeg()), "map": ("m.png", b"")},
    "photo is no image": {"photo": ("a.jpg", b"junk")},
}


@pytest.mark.parametrize("form", BAD_FORMS.values(), ids=BAD_FORMS)
def test_row65_a_form_that_cannot_be_used_gets_400(form):
    answer = client().post("/api/unmask", files=form)
    assert answer.status_code == 400, answer.text
    assert "\n" not in answer.json()["detail"]


def test_row65_a_form_is_bounded_in_size():
    page = client(max_bytes=2000)
    large = {"photo": ("a.jpg", bytes(3000)), "map": ("m.png", b"x")}
    larger = {"photo": ("a.jpg", jpeg()), "map": ("m.png", bytes(60_000))}
    assert page.post("/api/unmask", files=large).status_code == 413
    assert page.post("/api/unmask", files=larger).status_code == 413


def test_row65_a_form_that_is_cut_anywhere_gets_400_and_loses_no_map_in_silence():
    drawn = codecs.encode_lossless(np.eye(48, 64, dtype=np.uint8)[..., None].repeat(3, 2), "png")
    photo, map = (
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part
        for part in ((b"photo", jpeg()), (b"map", drawn))
    )
    whole, unmask = photo + map + b"--x--", Unmask()
    page = TestClient(build_app(shop(unmask)), base_url=HERE)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for end in (len(photo), len(photo) + 20, len(whole) - 40, len(whole) - 1):
        assert page.post("/api/unmask", content=whole[:end], headers=headers).status_code == 400
    assert unmask.seen == 0
    assert page.post("/api/unmask", content=whole, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\n\r\n", b"--x\r\n" + b"a" * 9000 + b": b\r\n\r\nc\r\n--x--\r\n"]
)
def test_row65_a_form_that_is_cut_or_has_endless_headers_gets_400(body):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client().post("/api/unmask", content=body, headers=headers).status_code == 400


ORIGINS = ["http://[::1", "http://[", "//[x]", "http://a:b:c", "", "null", "http://\u00e9"]


def test_row65_a_form_that_cannot_be_read_is_not_noted(caplog):
    answer = client().post(
        "/api/unmask", content=b"junk", headers={"Content-Type": "multipart/form-data; boundary=XX"}
    )
    assert (answer.status_code, caplog.text) == (400, "")


@pytest.mark.parametrize("origin", ORIGINS)
def test_row65_a_malformed_origin_is_refused(origin):
    answer = client().post(
        "/api/unmask", content=jpeg(), headers=[*JPEG.items(), ("Origin", origin.encode())]
    )
    assert answer.status_code == 403
    assert _has_security_headers(answer)


@pytest.mark.parametrize(
    "path", [*PAGES, *(f"/static/{name}" for name in FILES), "/api/about", "/openapi.json"]
)
def test_row65_head_is_answered_like_get_without_a_body(path):
    page = client()
    head, get = page.head(path), page.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert _has_security_headers(head)


ERRORS = [
    ("GET", "/nowhere", {}),
    ("DELETE", "/", {}),
    ("PUT", "/api/unmask", {}),
    ("OPTIONS", "/api/unmask", {}),
    ("HEAD", "/api/example", {}),
    ("POST", "/api/unmask?samples=x", JPEG),
    ("POST", "/api/unmask", {}),
    ("POST", "/api/unmask", JPEG | {"Content-Length": "x"}),
    ("GET", "/", {"Host": "evil.example"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), ERRORS, ids=str)
def test_row65_errors_have_the_security_headers(method, path, headers):
    answer = client().request(method, path, headers=headers)
    assert 400 <= answer.status_code < 500
    assert _has_security_headers(answer)


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # a browser that tries https
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"POST /api/unmask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"\r\n\r\n\x00",
]


@pytest.mark.parametrize("data", NO_HTTP, ids=range(len(NO_HTTP)))
def test_row65_what_is_no_http_gets_400_with_the_security_headers(data):
    with serving(shop()) as url, socket.create_connection(_where(url)) as line:
        line.sendall(data)
        answer = _all_of(line).lower()
        assert answer.startswith(b"http/1.1 400")
        for name in HEADERS:
            assert name.lower().encode() in answer
        assert upload(url).status_code == 200


SHAPES = [(16, 1_500_000), (1_500_000, 16), (16, 60_000), (16, 32_000), (32_000, 16), (17, 16), (2_000, 16)]


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_row65_extreme_shapes_are_restored_or_refused(height, width):
    picture, file = Image.new("RGB", (width, height)), io.BytesIO()
    picture.putpixel((width // 2, height // 2), (200, 0, 0))
    picture.save(file, "PNG", compress_level=1)
    unmask = Unmasker(ToyNetworks(), fixed_detector())
    answer = client(unmask).post("/api/unmask?samples=2", content=file.getvalue(), headers=JPEG)
    assert answer.status_code == (200 if max(height, width) < 32_766 else 400), answer.text
    assert _has_security_headers(answer)


LEAVES = {
    "before the head": b"",
    "in the head": HEAD[:40].encode(),
    "before the photo": HEAD.format(5000).encode(),
    "in the photo": HEAD.format(5000).encode() + jpeg()[:300],
    "in a form": HEAD.format(5000).replace("image/jpeg", "multipart/form-data; boundary=x").encode()
    + b"--x\r\n",
    "after the photo": HEAD.format(len(jpeg())).encode() + jpeg(),
    "in a chunk": HEAD.replace("Content-Length: {}", "Transfer-Encoding: chunked").encode() + b"500\r\nab",
    "with a bad chunk": HEAD.replace("Content-Length: {}", "Transfer-Encoding: chunked").encode()
    + b"zz\r\nab\r\n",
    "after a second request": HEAD.format(len(jpeg())).encode() + jpeg() + GET + b"garbage\r\n\r\n",
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_row66_clients_that_leave_print_nothing_and_the_server_goes_on(reset, capfd, caplog):
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    large = codecs.encode_jpeg(noise, 50)
    with serving(shop(queue=2)) as url:
        for data in [*LEAVES.values(), HEAD.format(len(large)).encode() + large]:
            for pause in (0, 0.3):
                line = socket.create_connection(_where(url))
                if reset:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                line.sendall(data)
                time.sleep(pause)
                line.close()
        wait_for(lambda: upload(url).status_code == 200)
    printed = "".join(capfd.readouterr()) + caplog.text
    assert printed == ""


def test_row66_idle_connections_do_not_shut_out_the_rest():
    with serving(shop(queue=4)) as url:
        lines = [socket.create_connection(_where(url)) for _ in range(60)]  # 16 are allowed
        for line in lines[::2]:
            line.sendall(GET[:20])
        try:
            for _ in range(20):
                assert httpx2.get(f"{url}/api/about", timeout=HANG_GUARD).status_code == 200
            assert upload(url).status_code == 200
        finally:
            for line in lines:
                line.close()


def test_row66_slow_uploads_do_not_shut_out_the_rest():
    with serving(shop(queue=2)) as url:
        lines = [socket.create_connection(_where(url)) for _ in range(7)]
        for line in lines:
            line.sendall(HEAD.format(3_000_000).encode() + b"some")
        time.sleep(0.2)
        try:
            assert [upload(url).status_code for _ in range(3)] == [200] * 3
        finally:
            for line in lines:
                line.close()


def test_row66_clients_in_work_are_not_dropped_for_new_ones():
    unmask = Unmask(threading.Event())
    with serving(shop(unmask, queue=1)) as url:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(upload(url))) for _ in range(1)]
        for thread in threads:
            thread.start()
        wait_for(lambda: unmask.seen)
        lines = [socket.create_connection(_where(url)) for _ in range(30)]
        unmask.gate.set()
        threads[0].join(HANG_GUARD)
        for line in lines:
            line.close()
    assert [answer.status_code for answer in answers] == [200]


def test_row66_a_client_with_many_photos_lets_others_in_between():
    order: list[str] = []

    async def photo_of(queue: FairQueue, client: str) -> None:
        async with queue.place(client):
            order.append(client)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        queue = FairQueue(1)
        tasks = [asyncio.create_task(photo_of(queue, client)) for client in "aaaaaabbc"]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await photo_of(queue, "d")  # the place is free again
        assert not any(
            (queue._held, queue._last, queue._waiting)
        )  # nothing is kept of clients that have left

    asyncio.run(all_of_them())
    assert "".join(order) == "abcabaaad"


def upload_from(name: str, url: str) -> int:
    """Sends a photo from another address of this machine; returns the status of the response."""
    transport = httpx2.HTTPTransport(local_address=name)
    with httpx2.Client(transport=transport, timeout=HANG_GUARD) as page:
        return page.post(f"{url}/api/unmask", content=jpeg(), headers=JPEG).status_code


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_row66_another_address_does_not_wait_for_a_photo_in_work():
    busy, second = Unmask(threading.Event()), Unmask()
    with serving(shop(busy, second)) as url:
        crowd = [threading.Thread(target=upload_from, args=("127.0.0.1", url)) for _ in range(12)]
        for thread in crowd:
            thread.start()
        wait_for(lambda: busy.seen)
        assert [upload_from("127.0.0.2", url) for _ in range(3)] == [200] * 3
        assert (busy.seen, second.seen) == (1, 3)  # one address has one of the two
        busy.gate.set()
        for thread in crowd:
            thread.join(HANG_GUARD)
    assert (busy.most, second.most) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_row66_another_address_is_answered_before_a_crowd():
    unmask, order = Unmask(threading.Event()), []

    def send(name: str) -> None:
        assert upload_from(name, url) == 200
        order.append(name)

    with serving(shop(unmask, decoders=1)) as url:
        threads = [threading.Thread(target=send, args=("127.0.0.1",)) for _ in range(12)]
        for thread in threads:
            thread.start()
        wait_for(lambda: unmask.seen)
        time.sleep(0.5)  # the others of the crowd wait
        threads.append(threading.Thread(target=send, args=("127.0.0.2",)))
        threads[-1].start()
        time.sleep(0.5)
        unmask.gate.set()
        for thread in threads:
            thread.join(HANG_GUARD)
    assert order.index("127.0.0.2") < 6


@pytest.mark.parametrize(("per_part", "kept"), [(4.0, True), (15.0, False)], ids=["slowly", "in drips"])
def test_row66_a_client_that_reads_in_drips_is_dropped(per_part, kept, monkeypatch):
    ahead, dropped, sent = 0.0, [], 0
    monkeypatch.setattr(asyncio.BaseEventLoop, "time", lambda self: time.monotonic() + ahead)

    async def many_parts(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(40):
            await send({"type": "http.response.body", "body": bytes(250_000), "more_body": True})

    async def drip(message):
        nonlocal ahead, sent
        ahead += per_part
        sent += 1
        await asyncio.sleep(0)

    async def receive():
        return {"type": "http.disconnect"}

    guard = Guard(many_parts, "127.0.0.1", (), 20.0)
    drop = {ABORT: {"call": lambda: dropped.append(True)}}
    scope = {"type": "http", "headers": [(b"host", b"localhost")], "extensions": drop}
    asyncio.run(guard(scope, receive, drip))
    assert (dropped == []) == kept
    assert (sent == 41) == kept


def _decoders() -> list[int]:
    return [child for child in _children(os.getpid()) if is_alive(child)]


def _children(parent: int) -> list[int]:
    """Lists the processes that any thread of a process has started."""
    lists = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for one in lists for child in one.read_text().split()]


def _where(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def _all_of(line: socket.socket) -> bytes:
    line.settimeout(HANG_GUARD)
    data = b""
    try:
        while part := line.recv(1 << 16):
            data += part
    except ConnectionResetError:
        pass
    return data


def _bytes_of(address: str) -> bytes:
    return base64.b64decode(address.partition(",")[2])


def _has_security_headers(answer: httpx2.Response) -> bool:
    return all(name.lower() in answer.headers for name in HEADERS)
