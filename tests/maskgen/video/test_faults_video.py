"""Rows 25-27 of docs/faults.md: unusual, cut and false video files."""

import numpy as np
import pytest

from maskgen.errors import InputError
from maskgen.frames_settings import FramesSettings
from maskgen.images.codecs import decode, encode_lossless
from maskgen.video import open_clip
from maskgen.video.frames.run import frames_from_video
from tests.helpers.clips import av, face_frame, moving, stream_times, write_clip
from tests.maskgen.video.frames.test_run import rows_of, take

pytestmark = pytest.mark.fault
BACKENDS = ("pyav", "opencv")


def first_picture(out):
    row = next(row for row in rows_of(out) if row["photo"])
    return decode((out / row["photo"]).read_bytes(), max_pixels=10**7, background=255)


def check_times(path, out):
    truth = stream_times(path)
    rows = rows_of(out)
    assert rows
    assert all(abs(float(row["time"]) - truth[int(row["index"])]) <= 1e-3 for row in rows)
    return [int(row["index"]) for row in rows]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_row25_times_of_a_variable_frame_rate_are_those_of_the_stream(tmp_path, name):
    gaps = [0.02, 0.05, 0.033, 0.4, 0.011, 0.1, 0.7, 0.02, 0.3, 0.09] * 2
    times = np.cumsum([0, *gaps]).tolist()
    path = write_clip(tmp_path / name, moving(len(times)), times=times)
    take(path, out=tmp_path / "out", fps=4, size=64)
    asked = np.arange(0, times[-1], 0.25)
    shown = sorted({int(np.searchsorted(np.array(times), time + 0.0021) - 1) for time in asked})
    assert check_times(path, tmp_path / "out") == shown


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_row25_a_rotated_clip_is_upright(tmp_path, rotation, backend):
    lying = np.ascontiguousarray(np.rot90(face_frame(), -rotation // 90))
    path = write_clip(tmp_path / "a.mp4", [lying] * 3, rotation=rotation)
    clip = open_clip(path, 1, backend)
    pixels = next(iter(clip.moments())).pixels()
    clip.close()
    assert pixels.shape == face_frame().shape
    assert np.abs(pixels.astype(int) - face_frame()).mean() < 8


@pytest.mark.parametrize("backend", BACKENDS)
def test_row25_a_ten_bit_clip_has_the_right_colours(tmp_path, backend):
    path = write_clip(tmp_path / "a.mp4", [face_frame()] * 3, pix_fmt="yuv420p10le")
    clip = open_clip(path, 1, backend)
    pixels = next(iter(clip.moments())).pixels()
    clip.close()
    assert np.abs(pixels.astype(int) - face_frame()).mean() < 8


def test_row25_odd_sides_become_even(tmp_path):
    path = write_clip(tmp_path / "a.mkv", [face_frame(width=319, height=241)] * 3, codec="ffv1", clock=1000)
    take(path, out=tmp_path / "out", size=0)
    assert first_picture(tmp_path / "out").shape == (240, 318, 3)


def test_row25_a_clip_without_audio_is_extracted(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving(20))
    (file,) = take(path, out=tmp_path / "out", size=64, audio_rate=8000).files
    assert (file.kept, file.audio, file.error) == (1, "", "")


def test_row26_a_cut_mp4_without_its_index_is_an_error(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving(60))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="cut before its index"):
        take(path, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", {"movflags": "faststart"}), ("a.mkv", {}), ("a.ts", {})]
)
def test_row26_a_cut_clip_gives_frames_up_to_the_cut_and_a_warning(tmp_path, name, options):
    path = write_clip(tmp_path / name, moving(90), sound=3.0, options=options)
    whole = stream_times(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 77])
    report = take(path, out=tmp_path / "out", fps=10, size=64)
    (file,) = report.files
    assert file.cut
    assert 0.5 < file.seconds_covered < 2.7
    assert "cut or damaged" in report.warnings[0]
    assert f"{file.seconds_covered:.2f} s of" in report.warnings[0]
    last = float(rows_of(tmp_path / "out")[-1]["time"])
    assert last == pytest.approx(file.seconds_covered + whole[0], abs=0.15)


def test_row26_a_cut_ts_gives_no_invented_frame(tmp_path):
    path = write_clip(tmp_path / "a.ts", moving(60))
    data, whole = path.read_bytes(), stream_times(path)
    clip = open_clip(path, 1)
    truth = [moment.pixels() for moment in clip.moments()]
    clip.close()
    for fraction in (0.31, 0.52, 0.77):
        path.write_bytes(data[: int(len(data) * fraction)])
        clip = open_clip(path, 1)
        found = list(clip.moments())
        clip.close()
        assert clip.damaged
        assert found
        for moment in found:
            (index,) = np.flatnonzero(np.isclose(whole, moment.time))
            np.testing.assert_array_equal(moment.pixels(), truth[index])


FALSE = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
    "http": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{secret}'\n",
    "dash": '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n",
}


@pytest.mark.parametrize("kind", FALSE)
@pytest.mark.parametrize("backend", BACKENDS)
def test_row27_a_playlist_named_mp4_opens_no_other_file_or_address(tmp_path, kind, backend):
    import os
    import socket

    secret = write_clip(tmp_path / "secret.ts", moving(3))
    os.utime(secret, ns=(10**18, 10**18))  # long ago, so that any reading moves the access time
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        text = FALSE[kind].format(secret=secret, port=server.getsockname()[1])
        for front in ("", "\ufeff", "\n\n"):
            (tmp_path / "a.mp4").write_text(front + text)
            with pytest.raises(InputError, match="playlist"):
                open_clip(tmp_path / "a.mp4", 1, backend)
        with pytest.raises(TimeoutError):
            server.accept()
    assert secret.stat().st_atime_ns == 10**18


@pytest.mark.parametrize("kind", FALSE)
def test_row27_the_decoder_itself_refuses_playlists_too(tmp_path, kind):
    from maskgen.video.pyav import AvClip

    secret = write_clip(tmp_path / "secret.ts", moving(3))
    (tmp_path / "a.mp4").write_text(FALSE[kind].format(secret=secret, port=9))
    with pytest.raises(InputError):
        AvClip(tmp_path / "a.mp4")


def test_row27_an_image_and_a_web_page_named_mp4_are_refused(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(encode_lossless(face_frame(), "png"))
    with pytest.raises(InputError, match="an image"):
        open_clip(path)
    path.write_text("<!doctype html><html>")
    with pytest.raises(InputError, match="web page"):
        open_clip(path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_row27_an_audio_only_file_is_refused(tmp_path, backend):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44_100, 0
        for packet in [*stream.encode(frame), *stream.encode()]:
            out.mux(packet)
    with pytest.raises(InputError):
        open_clip(path, 1, backend)


def test_row27_a_bad_file_does_not_stop_the_good_ones(tmp_path):
    write_clip(tmp_path / "good.mp4", moving(5))
    (tmp_path / "bad.mp4").write_text("#EXTM3U\n")
    settings = FramesSettings(files=(str(tmp_path),), out=str(tmp_path / "out"), size=64)
    report = frames_from_video(settings, lambda *_: None)
    assert [bool(file.error) for file in report.files] == [True, False]
    assert "playlist" in report.warnings[0]
    assert report.photos == 1
