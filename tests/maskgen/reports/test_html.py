import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from maskgen.reports.html import Axis, document, esc, histogram, pose_dial, shares


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>", "&lt;script&gt;"),
        ("\"' onload=x", "&quot;&#x27; onload=x"),
        ("a\nb", "a\\nb"),
        ("\u202egpj", "\\u202egpj"),
        ("\udcff", "\\udcff"),
        ("Ödön", "Ödön"),
    ],
)
def test_text_is_escaped_and_invisible_characters_are_made_visible(text, shown):
    assert esc(text) == shown


def test_page_loads_nothing_and_runs_only_its_own_script():
    text = document("title", "<p>body</p>")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)


def test_title_cannot_leave_its_tag():
    assert "</title><script>" not in document("</title><script>alert(1)</script>", "")


def bar_counts(chart):
    return [int(count) for count in re.findall(r"<title>[^<]*: (\d+)</title>", chart)]


def test_histogram_counts_every_value_once():
    chart = histogram("Yaw", [-100.0, -5.0, 5.0, 6.0, 10.0, 100.0], Axis(range(-10, 11, 5), (0,), "°"))
    assert bar_counts(chart) == [1, 1, 0, 4]


def test_histogram_without_values_is_drawn():
    assert bar_counts(histogram("Yaw", [], Axis((0, 1, 2), (0,)))) == [0, 0]


def test_bars_are_sorted_by_size():
    assert re.findall(r'class="name">(\w+)', shares("Families", {"a": 1, "b": 3, "c": 3})) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("yaw", "pitch", "sign_x", "sign_y"),
    [(30.0, 0.0, 1, 0), (-30.0, 0.0, -1, 0), (0.0, 20.0, 0, -1), (0.0, -20.0, 0, 1)],
)
def test_dial_points_in_the_direction_of_the_face(yaw, pitch, sign_x, sign_y):
    x, y = (
        float(value)
        for value in re.search(r'cx="([-\d.]+)" cy="([-\d.]+)"', pose_dial(yaw, pitch, 0.0)).groups()
    )
    assert (x > 1) - (x < -1) == sign_x
    assert (y > 1) - (y < -1) == sign_y


class Balance(HTMLParser):
    """Parser that records every tag closed in the wrong order."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "img", "line", "rect", "circle", "path", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in {"line", "rect", "circle", "path"} and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def test_every_tag_is_closed():
    parser = Balance()
    parser.feed(
        document(
            "t", histogram("h", [1.0], Axis((0, 1), (0,))) + shares("s", {"a": 1}) + pose_dial(1.0, 2.0, 3.0)
        )
    )
    assert not parser.wrong
    assert not parser.open
