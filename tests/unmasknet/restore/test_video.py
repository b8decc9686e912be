"""Restoration of clips and camera images: times, sound, tracking, and the display of a camera."""

import http.client

import numpy as np
import pytest

from maskgen.errors import UsageError
from tests.helpers.clips import av, read_frames, stream_times, write_clip
from tests.helpers.restoring import FILL, ToyNetworks, draw_photo, mark_detector, mark_face
from tests.helpers.waiting import HANG_GUARD
from unmasknet.restore.batch import run
from unmasknet.restore.camera import is_camera, watch
from unmasknet.restore.camera_view import Page, has_display
from unmasknet.restore.face_tracks import Follower
from unmasknet.restore.provenance import NOTE
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker

SIDE, COUNT, ON, OFF = 160, 30, 10, 20


def frame(n: int, masked: bool):
    """Draws a face that moves to the right, with or without a mask."""
    x = 90 + n
    photo = draw_photo(240, 240, *([(x, 130, SIDE)] if masked else []))
    return mark_face(photo, x, 112)


def frames():
    return [frame(n, ON <= n < OFF) for n in range(COUNT)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    times = np.cumsum([0, *([0.04, 0.03, 0.05] * 10)])[:COUNT].tolist()
    clip = write_clip(folder / "a.mp4", frames(), times=times, sound=1.1)
    settings = RestoreSettings(inputs=(str(clip),), out=str(folder / "out"))
    report = run(settings, Unmasker(ToyNetworks(), mark_detector(SIDE)), lambda *_: None)
    return clip, report.results[0]


def sound(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_times_and_sound_are_kept(clips):
    clip, result = clips
    assert np.allclose(stream_times(result.output), stream_times(clip), atol=1e-6)
    assert sound(result.output) == sound(clip)


def test_only_the_frames_with_a_mask_are_restored(clips):
    clip, result = clips
    before, after = read_frames(clip), read_frames(result.output)
    for n in range(COUNT):
        skin = after[n, 136:170, 90 + n - 20 : 90 + n + 20]
        assert (np.abs(skin - np.int16(FILL)).mean() < 15) == (ON <= n < OFF), n
    assert np.abs(before - after)[:, :60].mean() < 3  # loss of encoding
    assert result.said == "10 of 30 frames restored"


def test_the_metadata_say_that_the_clip_is_synthetic(clips):
    with av.open(clips[1].output) as container:
        assert container.metadata["comment"] == NOTE


def test_a_clip_without_a_mask_is_copied(tmp_path):
    clip = write_clip(tmp_path / "bare.mp4", [frame(n, False) for n in range(8)])
    settings = RestoreSettings(inputs=(str(clip),), out=str(tmp_path / "out"))
    result = run(settings, Unmasker(ToyNetworks(), mark_detector(SIDE)), lambda *_: None).results[0]
    assert (tmp_path / "out/bare.mp4").read_bytes() == clip.read_bytes()
    assert "no mask" in result.said


def test_a_clip_with_long_gaps_between_frames_is_restored(tmp_path):
    pictures = [frame(4 * n, True) for n in range(6)]
    clip = write_clip(tmp_path / "slow.mp4", pictures, times=[0, 0.04, 0.08, 0.56, 1.04, 1.08])
    settings = RestoreSettings(inputs=(str(clip),), out=str(tmp_path / "out"))
    result = run(settings, Unmasker(ToyNetworks(), mark_detector(SIDE)), lambda *_: None).results[0]
    assert result.said == "6 of 6 frames restored"


def test_a_video_needs_both_networks(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", frames()[:3])
    settings = RestoreSettings(inputs=(str(clip),), out=str(tmp_path / "out"))
    with pytest.raises(UsageError, match="generator"):
        run(settings, Unmasker(ToyNetworks(generator_side=None), mark_detector(SIDE)), lambda *_: None)


class Camera:
    """Source of frames with the interface of OpenCV's captures."""

    def __init__(self, pictures):
        self._pictures = iter(pictures)

    def read(self):
        picture = next(self._pictures, None)
        return (False, None) if picture is None else (True, np.ascontiguousarray(picture[..., ::-1]))

    def release(self):
        pass


class RecordingScreen:
    """Screen that records the images shown, and ends after `enough` of them."""

    where = "here"

    def __init__(self, enough=1000):
        self.shown, self._enough = [], enough

    def show(self, picture):
        self.shown.append(picture)
        return len(self.shown) < self._enough

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        pass


def watch_frames(screen, pictures):
    clock = iter(np.arange(1000) / 25)
    return watch(Camera(pictures), screen, ToyNetworks(), mark_detector(SIDE), lambda: float(next(clock)))


def test_a_cameras_images_are_shown_without_masks():
    screen = RecordingScreen()
    report = watch_frames(screen, [frame(n, True) for n in range(6)])
    assert (report.frames, report.changed, report.faces) == (6, 6, 1)
    for n, picture in enumerate(screen.shown):
        assert np.abs(picture[136:170, 90 + n - 20 : 90 + n + 20] - np.float32(FILL)).mean() < 15


def test_watching_ends_when_the_screen_is_closed():
    assert watch_frames(RecordingScreen(enough=2), [frame(n, False) for n in range(6)]).frames == 2


def test_is_camera_recognises_camera_names_only():
    assert is_camera("camera:0")
    assert not is_camera("camera.jpg")


def test_old_detections_are_dropped():
    follower, find = Follower(), mark_detector(SIDE)
    for n in range(40):
        follower.see(n / 10, frame(n % 3, False), find(frame(n % 3, False)))
        follower.forget(n / 10)
    assert all(len(path.times) < 15 for path in follower.recent(3.9).values())
    follower.forget(9.0)
    assert not follower.recent(9.0)


def get(port, path, host=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_GUARD)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    return connection.getresponse()


def test_the_page_streams_images_only_under_its_own_host_name():
    with Page(0) as page:
        assert b"invented" in get(page.port, "/").read()
        page.show(frame(0, False))
        answer = get(page.port, "/stream")
        assert b"Content-Type: image/jpeg" in answer.read(60)
        assert get(page.port, "/elsewhere").status == 404
        assert get(page.port, "/", host="evil.example").status == 403


def test_a_headless_build_of_opencv_has_no_display():
    assert not has_display()
