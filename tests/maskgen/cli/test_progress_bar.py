"""Progress on a terminal and in a log."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from maskgen.cli.progress_bar import LINE_SECONDS, Meter, duration
from maskgen.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[TextIO]:
    with (tmp_path / "stderr").open("w+", encoding="utf-8") as file:
        yield file


@pytest.fixture
def terminal(stream: TextIO, monkeypatch: pytest.MonkeyPatch) -> TextIO:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(stream, "isatty", lambda: True)
    return stream


def written(stream: TextIO) -> str:
    stream.seek(0)
    return stream.read()


def test_without_a_terminal_a_line_is_printed_every_few_seconds(stream):
    clock = Clock()
    with Meter("photos", stream, clock) as meter:
        for second in range(21):
            clock.now = float(second)
            meter(Progress(second * 50, 2000, "skipped 2 no_face"))
    lines = written(stream).splitlines()
    assert len(lines) == 20 // LINE_SECONDS
    assert lines[-1] == "1,000 of 2,000 photos, 50/s, 20 s left; skipped 2 no_face"


def test_work_of_an_earlier_run_does_not_count_towards_the_rate(stream):
    clock = Clock()
    with Meter("photos", stream, clock) as meter:
        meter(Progress(1000, 1020, found=1000))
        clock.now = 10.0
        meter(Progress(1010, 1020, found=1000))
    assert written(stream) == "1,010 of 1,020 photos, 1.0/s, 10 s left\n"


def test_nothing_done_has_no_rate(stream):
    clock = Clock()
    with Meter("photos", stream, clock) as meter:
        clock.now = 10.0
        meter(Progress(0, 0))
    assert written(stream) == "0 of 0 photos\n"


def test_a_terminal_gets_a_bar(terminal):
    with Meter("photos", terminal) as meter:
        meter(Progress(5, 10))
    text = written(terminal)
    assert "5 of 10 photos" in text
    assert "\u2501" in text


def test_no_color_removes_the_colours(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    with Meter("photos", terminal) as meter:
        meter(Progress(5, 10))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9;]*m", written(terminal))


def test_a_dumb_terminal_gets_lines(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with Meter("photos", terminal) as meter:
        meter(Progress(5, 10))
    assert written(terminal) == ""


def test_durations_are_formatted_for_people():
    assert [duration(seconds) for seconds in (0.2, 59.4, 59.6, 200.0, 7500.0)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
