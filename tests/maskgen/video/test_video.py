"""Video decoding: which frames a clip gives, at which times, with which pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.errors import InputError
from maskgen.video import Grid, Moment, is_video_name, on_screen, open_clip
from maskgen.video.probe import is_container
from tests.helpers.clips import face_frame, moving, stream_times, write_clip

BACKENDS = ("pyav", "opencv")


def moments_at(times, step=0.1):
    ends = [*times[1:], times[-1] + step]
    return [Moment(n, time, end, lambda: None) for n, (time, end) in enumerate(zip(times, ends, strict=True))]


def sampled(times, start, step, end=1e9):
    return [moment.time for moment, _ in on_screen(moments_at(times), end, Grid(start, step, end))]


def test_a_grid_selects_the_frames_on_screen_at_its_times():
    assert sampled([0.0, 0.4, 0.9, 1.1, 2.6], 0.0, 1.0) == [0.0, 0.9, 1.1]


def test_a_time_that_was_rounded_up_by_a_millisecond_still_counts():
    assert sampled([0.0, 0.034, 0.067, 0.101], 0.0, 1 / 30) == [0.0, 0.034, 0.067, 0.101]


def test_a_frame_that_stays_long_is_selected_once():
    assert sampled([0.0, 5.0], 0.0, 1.0) == [0.0, 5.0]


def test_the_first_frame_stands_for_the_time_before_it():
    assert sampled([0.7, 1.5, 2.5], 0.0, 1.0) == [0.7, 1.5]


def test_step_zero_takes_every_frame_from_start_to_end():
    assert sampled([0.0, 0.1, 0.2, 0.3, 0.4], 0.1, 0.0, 0.3) == [0.1, 0.2]


def test_the_frame_at_the_end_is_not_selected():
    assert sampled([0.0, 1.0, 2.0, 3.0], 1.0, 1.0, 3.0) == [1.0, 2.0]


@given(
    gaps=st.lists(st.floats(0.01, 2.0), min_size=1, max_size=40),
    step=st.floats(0.05, 3.0),
    start=st.floats(0, 3),
)
def test_every_time_of_the_grid_gets_the_frame_on_screen_then(gaps, step, start):
    times = np.cumsum(gaps).tolist()
    ends = [*times[1:], times[-1] + 0.1]
    slack = 0.002
    wanted = set()
    for k in range(int((ends[-1] - start) / step) + 1):
        target = start + k * step
        for n, end in enumerate(ends):
            if target < end - slack:
                wanted.add(n)
                break
    found = {moment.index for moment, _ in on_screen(moments_at(times), 1e9, Grid(start, step, 1e9))}
    assert found == wanted


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
def test_times_and_numbers_are_those_of_the_stream(tmp_path, name, backend):
    path = write_clip(tmp_path / name, moving(40))
    clip = open_clip(path, 1, backend)
    moments = list(clip.moments())
    truth = np.array(stream_times(path))
    offset = truth[0] if backend == "opencv" else 0.0  # OpenCV counts from the first frame
    assert [moment.index for moment in moments] == list(range(40))
    np.testing.assert_allclose([moment.time for moment in moments], truth - offset, atol=1e-6)
    assert clip.duration == pytest.approx(40 / 30, abs=0.05)
    assert clip.damaged == 0
    clip.close()


def test_a_late_start_gives_the_same_frames_under_the_same_numbers(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [face_frame()] * 360)
    clip = open_clip(path, 1)
    everything = [(m.index, m.time) for m in clip.moments()]
    clip.close()
    clip = open_clip(path, 1)
    late = [(m.index, m.time) for m in clip.moments(start=10.5)]
    clip.close()
    assert late[0][1] <= 10.5
    assert 0 < len(late) < 240
    assert late == everything[-len(late) :]


@pytest.mark.parametrize("backend", BACKENDS)
def test_pixels_are_those_that_were_encoded(tmp_path, backend):
    path = write_clip(tmp_path / "a.mkv", [face_frame()] * 3, codec="ffv1", clock=1000)
    clip = open_clip(path, 1, backend)
    pixels = next(iter(clip.moments())).pixels()
    clip.close()
    assert pixels.shape == face_frame().shape
    assert np.abs(pixels.astype(int) - face_frame()).mean() < 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_non_square_pixels_become_square(tmp_path, backend):
    path = write_clip(tmp_path / "a.mp4", [face_frame()] * 3, aspect=2)
    clip = open_clip(path, 1, backend)
    assert next(iter(clip.moments())).pixels().shape == (240, 640, 3)
    clip.close()


def test_an_empty_file_is_no_video(tmp_path):
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        open_clip(path)


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"\x00\x00\x00\x20ftypisom", True),
        (b"\x1aE\xdf\xa3 matroska", True),
        (b"RIFF\0\0\0\0AVI LIST", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", False),
        (b"RIFF\0\0\0\0WAVEfmt ", False),
        (b"#EXTM3U\n", False),
        (b"G" + bytes(187) + b"G", True),
        (b"GIF89a" + bytes(300), False),
        (b"", False),
    ],
)
def test_only_video_containers_are_accepted(head, known):
    assert is_container(head) is known


def test_names_of_videos():
    assert is_video_name("Raw.MP4")
    assert not is_video_name("._raw.mp4")
    assert not is_video_name("raw.jpg")
