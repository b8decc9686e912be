"""Web page: its files, its API and the content of its responses."""

import base64
import io
import re
import socket
from collections.abc import Callable

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from maskgen.assets import asset
from maskgen.errors import UsageError
from maskgen.images import codecs
from tests.helpers.restoring import ToyNetworks, fixed_detector
from tests.helpers.serving import JPEG, MASK, jpeg, nothing, photo, serving, shop, upload
from unmasknet.restore.provenance import NOTE
from unmasknet.restore.unmasker import Restored, Unmasker
from unmasknet.serve.app import FILES, PAGES, build_app
from unmasknet.serve.response import INVENTED
from unmasknet.serve.server import address, bind, check_networks, networks_name
from unmasknet.serve.settings import ServeSettings

HERE = "http://127.0.0.1:8000"


def client(*unmasks: Callable[..., Restored], **settings: object) -> TestClient:
    return TestClient(build_app(shop(*unmasks, **settings)), base_url=HERE)


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


@pytest.mark.parametrize("path", [*PAGES, *(f"/static/{name}" for name in FILES)])
def test_the_pages_files_are_served_with_a_security_policy(path):
    answer = client().get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_every_page_says_that_it_is_invented(name):
    assert "What lies under the mask is invented" in asset(f"web/{name}").read_text("utf-8")


@pytest.mark.parametrize("name", ["index.html", "docs.html", *FILES])
def test_no_file_of_the_page_loads_from_other_servers_or_has_inline_code(name):
    text = asset(f"web/{name}").read_text("utf-8").replace("http://www.w3.org/", "")
    assert not re.search(r"https?://|//[a-z]+\.[a-z]+|@import|innerHTML|eval\(", text)
    if name.endswith("html"):
        assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|style=", text)


def test_a_response_contains_images_map_and_note():
    answer = client().post("/api/unmask?samples=2&seed=3", content=jpeg(), headers=JPEG).json()
    given = codecs.decode(jpeg(), max_pixels=1 << 20, background=255)
    first, second = (decoded(picture) for picture in answer["pictures"])
    assert (answer["width"], answer["height"]) == (64, 48)
    assert np.array_equal(decoded(answer["before"]), given)
    assert np.array_equal(first[:20], given[:20])
    assert (first[MASK] == 103).all()
    assert (second[MASK] == 123).all()
    assert (decoded(answer["map"])[MASK] == 255).all()
    assert decoded(answer["disagreement"]).max() > 0
    assert [face["masked"] for face in answer["faces"]] == [True, False]
    assert answer["note"] == INVENTED


def test_one_sample_has_no_disagreement():
    assert client().post("/api/unmask", content=jpeg(), headers=JPEG).json()["disagreement"] == ""


def test_a_photo_without_a_face_is_reported_as_unchanged():
    answer = client(nothing).post("/api/unmask", content=jpeg(), headers=JPEG).json()
    assert answer["pictures"] == []
    assert answer["said"] == "no face found, nothing changed"


def test_large_results_are_jpeg_and_carry_the_note(monkeypatch):
    monkeypatch.setattr("unmasknet.serve.response.JPEG_FROM", 1000)
    answer = client().post("/api/unmask", content=jpeg(), headers=JPEG).json()
    assert answer["pictures"][0].startswith("data:image/jpeg")
    assert NOTE.encode() in base64.b64decode(answer["pictures"][0].partition(",")[2])


def test_a_photo_is_turned_upright():
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo()).save(buffer, "JPEG", exif=exif)
    answer = client().post("/api/unmask", content=buffer.getvalue(), headers=JPEG).json()
    assert (answer["width"], answer["height"]) == (48, 64)


def test_about_returns_the_limits():
    about = client(max_bytes=5000, max_samples=2).get("/api/about").json()
    assert (about["max_bytes"], about["max_samples"], about["example"]) == (5000, 2, False)


def test_the_example_is_served_if_there_is_one():
    assert client(example=jpeg).get("/api/example").content == jpeg()
    assert client().get("/api/example").status_code == 404


@pytest.mark.parametrize("query", ["samples=0", "samples=5", "samples=x", "seed=-1"])
def test_numbers_out_of_bounds_are_refused(query):
    assert client().post(f"/api/unmask?{query}", content=jpeg(), headers=JPEG).status_code == 422


def test_the_api_is_described_and_has_no_page_of_redoc():
    page = client()
    schema = page.get("/openapi.json").json()
    assert set(schema["paths"]) == {"/api/about", "/api/example", "/api/unmask"}
    assert {"400", "403", "408", "413", "429"} <= set(schema["paths"]["/api/unmask"]["post"]["responses"])
    assert page.get("/redoc").status_code == 404


def test_a_real_server_answers_and_a_port_in_use_is_reported():
    with serving(shop()) as url:
        assert upload(url).status_code == 200
        with pytest.raises(UsageError, match="cannot be listened on"):
            bind("127.0.0.1", int(url.rpartition(":")[2]))


def test_the_address_is_a_url_and_invalid_hosts_are_refused():
    with bind("127.0.0.1", 0) as bound:
        assert address(bound, "127.0.0.1") == f"http://127.0.0.1:{bound.getsockname()[1]}/"
    with pytest.raises(UsageError, match="--host no"):
        bind("no.such.place.invalid", 0)
    with pytest.raises(UsageError, match="not a valid host name"):
        bind("a..b", 0)


def test_a_page_without_a_segmenter_is_refused_at_start():
    networks = ToyNetworks(segmenter_side=None)
    with pytest.raises(UsageError, match="no segmenter"):
        check_networks(Unmasker(networks, fixed_detector()))


def test_the_name_of_the_networks_has_no_folders():
    settings = ServeSettings(weights=("/home/me/runs/segm", "/home/me/runs/gan"))
    assert networks_name(settings) == "torch: segm, gan"


def test_sockets_are_closed_when_the_server_stops():
    with serving(shop()) as url:
        port = int(url.rpartition(":")[2])
    with socket.socket() as free:
        free.bind(("127.0.0.1", port))
