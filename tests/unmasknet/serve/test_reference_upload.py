"""Restoring by a second photo through the API: what is passed on, what is said, what is refused."""

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from maskgen.errors import InputError
from tests.helpers.browser import browsing, find_browser
from tests.helpers.references import FixedCheck, masked_portrait, other_view, unmasker_with
from tests.helpers.serving import Unmask, jpeg, serving, shop
from unmasknet.restore.provenance import NOTE, NOTE_BY_REFERENCE
from unmasknet.serve.app import build_app
from unmasknet.serve.response import BY_REFERENCE, INVENTED

HERE = "http://127.0.0.1:8000"
TWO = {"photo": ("a.jpg", jpeg()), "reference": ("b.jpg", jpeg(30, 40))}


def client(*unmasks, **settings):
    return TestClient(build_app(shop(*unmasks, **settings)), base_url=HERE)


def note_in(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).text["Description"]


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_second_photo_and_its_parameters_reach_the_restorer():
    unmask = Unmask()
    answer = client(unmask).post("/api/unmask?expression=neutral&force=true", files=TWO)
    assert answer.status_code == 200, answer.text
    (given,) = unmask.references
    assert [one.shape for one in given["references"]] == [(30, 40, 3)]
    assert (given["expression"], given["force"]) == ("neutral", True)


def test_the_answer_says_whether_a_reference_was_used():
    page = client()
    by_reference = page.post("/api/unmask", files=TWO).json()
    without = page.post("/api/unmask", files={"photo": TWO["photo"]}).json()
    assert (by_reference["by_reference"], without["by_reference"]) == (True, False)
    assert (by_reference["note"], without["note"]) == (BY_REFERENCE, INVENTED)
    assert note_in(by_reference["pictures"][0]) == NOTE_BY_REFERENCE
    assert note_in(without["pictures"][0]) == NOTE


@pytest.mark.fault
def test_row676_a_reference_of_another_person_gets_409_and_force_goes_on():
    page = client(unmasker_with(FixedCheck("reference 1")))
    two = {"photo": ("a.png", png(masked_portrait().masked)), "reference": ("b.png", png(other_view()))}
    refused = page.post("/api/unmask", files=two)
    assert refused.status_code == 409
    assert "another person" in refused.json()["detail"]
    forced = page.post("/api/unmask?force=true", files=two)
    assert forced.json()["by_reference"]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (np.full((90, 90, 3), 120, np.uint8), "no face"),
        (None, "second photo"),
        (masked_portrait().masked, "reference"),
    ],
    ids=["no face", "no image", "with a mask"],
)
def test_row677_a_reference_that_cannot_serve_gets_400_in_one_line(reference, said):
    page = client(unmasker_with(FixedCheck()))
    data = b"<html>" if reference is None else png(reference)
    two = {"photo": ("a.png", png(masked_portrait().masked)), "reference": ("b.png", data)}
    answer = page.post("/api/unmask", files=two)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


@pytest.mark.fault
def test_row678_parameters_of_a_reference_are_checked():
    assert client().post("/api/unmask?expression=smile", files=TWO).status_code == 422
    twice = [("photo", TWO["photo"]), ("reference", TWO["reference"]), ("reference", TWO["reference"])]
    assert client().post("/api/unmask", files=twice).status_code == 400


@pytest.mark.fault
def test_row679_an_error_without_a_reference_stays_the_servers():
    def broken(*_, **__):
        raise InputError("/secret/path")

    page = TestClient(build_app(shop(broken)), base_url=HERE, raise_server_exceptions=False)
    answer = page.post("/api/unmask", files={"photo": TWO["photo"]})
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.fault
@pytest.mark.skipif(find_browser() is None, reason="no Chromium with chromedriver on this machine")
def test_row676_the_page_takes_a_second_photo_and_asks_when_it_seems_to_show_another_person():
    with serving(shop(unmasker_with(FixedCheck("reference 1")))) as address, browsing() as page:
        page.open(address)
        choose(page, "file", masked_portrait().masked)
        page.wait("!$('done').hidden && !$('second').hidden")
        assert page.run("return $('kind').textContent") == "Invented"
        choose(page, "secondFile", other_view())
        page.wait("!$('anyway').hidden && !$('trouble').hidden")
        assert "another person" in page.run("return $('why').textContent")
        page.click("#anyway")
        page.wait("!$('done').hidden && $('kind').textContent === 'From the second photo'")
        assert page.run("return $('note').textContent") == BY_REFERENCE
        assert page.run("return $('trouble').hidden")


def choose(page, field, pixels):
    """Chooses a photo in a field for files, as a user does in the browser's dialogue."""
    script = """const [field, data] = arguments, bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const files = new DataTransfer();
        files.items.add(new File([bytes], field + ".png", { type: "image/png" }));
        $(field).files = files.files;
        $(field).dispatchEvent(new Event("change"));"""
    page.run(script, field, base64.b64encode(png(pixels)).decode())
