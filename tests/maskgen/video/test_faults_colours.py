"""Rows 41-43 of docs/faults.md: range, matrix, bit depth, transfer and primaries of videos."""

from pathlib import Path

import numpy as np
import pytest

from maskgen.errors import InputError
from maskgen.rendering.triplet import build_tools
from maskgen.settings import GenSettings, MaskSettings
from maskgen.video import open_clip
from maskgen.video.masked_clip import mask_film
from maskgen.video.writer import ClipWriter
from tests.helpers.clips import face_frame, moving, write_clip
from tests.helpers.colour_clips import (
    BARS,
    FULL,
    GREYS,
    LIMITED,
    UNSPECIFIED,
    Tags,
    av,
    bars_by_formula,
    bars_of,
    first_frame,
    planes_of,
    tags_of,
    to_rgb,
    write_bars,
)
from tests.helpers.program import program
from tests.maskgen.video.frames.test_run import take

pytestmark = pytest.mark.fault

HLG, PQ = Tags(LIMITED, 9, 18, 9), Tags(LIMITED, 9, 16, 9)
# name -> suffix, tags, further arguments of `write_bars`
CLIPS = {
    "full range without a matrix": (".mp4", Tags(FULL), {}),
    "yuvj420p": (".mp4", Tags(FULL), {"pix_fmt": "yuvj420p"}),
    "full range, BT.709": (".mp4", Tags(FULL, 1, 1, 1), {}),
    "full range, 4:4:4": (".mkv", Tags(FULL, 1, 1, 1), {"pix_fmt": "yuv444p"}),
    "full range, 10 bits": (".mp4", Tags(FULL, 1, 1, 1), {"pix_fmt": "yuv420p10le"}),
    "no tags": (".mp4", Tags(), {}),
    "no tags, 10 bits": (".mp4", Tags(), {"pix_fmt": "yuv420p10le"}),
    "BT.601, 525 lines": (".mp4", Tags(LIMITED, 6, 6, 6), {}),
    "BT.601, 625 lines": (".ts", Tags(LIMITED, 5, 6, 5), {}),
    "BT.709": (".mp4", Tags(LIMITED, 1, 1, 1), {}),
    "BT.709, 10 bits": (".mkv", Tags(LIMITED, 1, 1, 1), {"pix_fmt": "yuv420p10le"}),
    "BT.709, 4:2:2, 10 bits": (".mp4", Tags(LIMITED, 1, 1, 1), {"pix_fmt": "yuv422p10le"}),
    "SMPTE 240M": (".mp4", Tags(LIMITED, 7, 7, 7), {}),
    "BT.2020": (".mp4", Tags(LIMITED, 9, 14, 9), {"pix_fmt": "yuv420p10le"}),
    "sRGB transfer": (".mp4", Tags(LIMITED, 1, 13, 1), {}),
}


@pytest.fixture(params=CLIPS)
def bars(request, tmp_path):
    suffix, tags, more = CLIPS[request.param]
    return write_bars(tmp_path / f"bars{suffix}", tags, **more), tags


def rewrite(source, target, colours="own"):
    """Reads a clip and writes it again, as `run` and `gen-data --video` do where a frame has no mask."""
    clip = open_clip(source, 1, colours=colours)
    with ClipWriter(source, target) as writer:
        for moment in clip.moments():
            writer.write(moment, moment.pixels())
    clip.close()
    return target


def read_first(path, **how):
    clip = open_clip(path, 1, **how)
    try:
        return next(iter(clip.moments())).pixels()
    finally:
        clip.close()


def test_row41_a_clip_is_read_by_its_range_matrix_and_bit_depth(bars):
    path, _ = bars
    off = bars_of(read_first(path, colours="own")) - bars_by_formula(path)
    assert np.abs(off).max() <= 1.5


def test_row41_luma_comes_back_within_2(bars, tmp_path):
    path, tags = bars
    target = rewrite(path, tmp_path / "again.mp4")
    before, after = bars_by_formula(path), bars_by_formula(target)
    assert np.abs(after - before)[: len(GREYS)].max() <= 2
    assert np.abs(after - before).max() <= 4
    assert tags_of(first_frame(target)) == Tags(LIMITED, tags.matrix, tags.transfer, tags.primaries)


def test_row41_an_mjpeg_clip_keeps_its_greys(tmp_path):
    path = write_bars(tmp_path / "camera.avi", Tags(FULL), pix_fmt="yuvj420p", codec="mjpeg")
    target = rewrite(path, tmp_path / "again.mp4")
    assert np.abs(bars_by_formula(target) - bars_by_formula(path))[: len(GREYS)].max() <= 2
    assert np.abs(bars_of(read_first(target))[: len(GREYS)] - np.array(GREYS)[:, None]).max() <= 2


def test_row41_an_rgb_clip_becomes_yuv_with_its_matrix_named(tmp_path):
    path = write_clip(tmp_path / "a.mkv", [face_frame()] * 3, codec="libx264rgb", pix_fmt="rgb24")
    frame = first_frame(rewrite(path, tmp_path / "again.mp4"))
    assert tags_of(frame).range == LIMITED
    y, cb, cr = planes_of(frame)
    small = to_rgb([y[::2, ::2].ravel(), cb.ravel(), cr.ravel()], tags_of(frame).matrix, full=False)
    truth = face_frame().reshape(120, 2, 160, 2, 3).mean((1, 3)).reshape(-1, 3)
    assert np.abs(small.mean(0) - truth.mean(0)).max() < 0.5


@pytest.mark.parametrize("height", [480, 720])
def test_row41_a_clip_that_names_no_matrix_is_read_as_players_read_it(tmp_path, height):
    width = 640 if height == 480 else 1280
    colour = np.full((height, width, 3), (190, 120, 90), np.uint8)
    weights = (
        av.video.reformatter.Colorspace.ITU709 if height == 720 else av.video.reformatter.Colorspace.ITU601
    )
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"qp": "0", "preset": "ultrafast", "x264-params": "log-level=none"}
        frame = av.VideoFrame.from_ndarray(colour, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=weights, dst_color_range=LIMITED
        )
        frame.colorspace = UNSPECIFIED
        for packet in [*stream.encode(frame), *stream.encode()]:
            out.mux(packet)
    assert tags_of(first_frame(path)).matrix == UNSPECIFIED
    assert np.abs(read_first(path).astype(int) - colour).max() <= 3
    target = rewrite(path, tmp_path / "again.mp4")
    assert tags_of(first_frame(target)).matrix == UNSPECIFIED
    assert np.abs(read_first(target).astype(int) - colour).max() <= 4


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le", "yuvj420p"])
def test_row41_rewriting_a_photo_darkens_it_by_less_than_half_a_grey_level(tmp_path, pix_fmt):
    path = write_clip(tmp_path / "a.mp4", moving(6), pix_fmt=pix_fmt)
    target = rewrite(path, tmp_path / "again.mp4")

    def luma(file):
        frame = first_frame(file)
        full = frame.format.name.startswith("yuvj")
        code = planes_of(frame)[0].mean() / (4 if "10" in frame.format.name else 1)
        return code if full else (code - 16) * 255 / 219

    assert abs(luma(target) - luma(path)) < 0.5
    before, after = (read_first(file, colours="own").astype(float).mean((0, 1)) for file in (path, target))
    assert np.abs(after - before).max() < 0.5


def test_row41_a_masked_copy_of_a_full_range_clip_keeps_its_greys(tmp_path):
    strip = np.repeat(np.array(GREYS, np.uint8), 64)[None, :, None]
    frames = []
    for picture in moving(12):
        frames.append(picture.copy())
        frames[-1][:40] = strip
    path = write_clip(tmp_path / "phone.mp4", frames, pix_fmt="yuvj420p")
    truth = np.array(GREYS)
    stored = [
        planes_of(first_frame(path))[0][8:30, 64 * n + 16 : 64 * n + 48].mean() for n in range(len(GREYS))
    ]
    assert np.abs(stored - truth).max() < 1
    tools = build_tools(GenSettings(masks=MaskSettings(masks="surgical-#0473e2", wear="correct")))
    film = mask_film(path, tmp_path / "masked.mp4", tools, "phone", lambda *_: None)
    assert film.masked == film.frames == 12
    frame = first_frame(film.video)
    codes = [planes_of(frame)[0][8:30, 64 * n + 16 : 64 * n + 48].mean() for n in range(len(GREYS))]
    assert tags_of(frame).range == LIMITED
    assert np.abs((np.array(codes) - 16) * 255 / 219 - truth).max() <= 2


NITS = {"black": 0.0, "skin in shade": 20.0, "grey": 60.0, "skin": 120.0, "white": 203.0, "lamp": 600.0}


def pq_signal(nits):
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    y = (np.asarray(nits) / 10_000) ** m1
    return ((c1 + c2 * y) / (1 + c3 * y)) ** m2


def hlg_signal(nits):
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = (np.asarray(nits) / 1000) ** (1 / 1.2)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def hdr_clip(path, tags, **more):
    """Writes grey bars that emit `NITS` on a display of 1,000 nits."""
    signal = (pq_signal if tags.transfer == 16 else hlg_signal)(np.array(list(NITS.values())))
    bars = [(round(16 + 219 * s), 128, 128) for s in signal]
    return write_bars(path, tags, pix_fmt="yuv420p10le", bars=bars, **more)


@pytest.mark.parametrize("colours", ["own", "srgb"])
@pytest.mark.parametrize(
    "tags", [HLG, PQ, Tags(LIMITED, UNSPECIFIED, 16, UNSPECIFIED)], ids=["HLG", "PQ", "PQ alone"]
)
def test_row42_an_hdr_clip_is_tone_mapped(tmp_path, tags, colours):
    path = hdr_clip(tmp_path / "a.mp4", tags)
    grey = bars_of(read_first(path, colours=colours), len(NITS))
    assert np.ptp(grey, axis=1).max() <= 2
    level = dict(zip(NITS, grey.mean(1), strict=True))
    assert level["black"] <= 1
    assert (
        np.diff(list(level.values())) > 8
    ).all()  # nothing is crushed, and lights are not clipped to white
    assert 40 < level["skin in shade"] < 110
    assert 110 < level["skin"] < 215
    assert 160 < level["white"] < 250


@pytest.mark.parametrize("tags", [HLG, PQ], ids=["HLG", "PQ"])
def test_row42_a_rewritten_hdr_clip_says_that_it_is_not_hdr(tmp_path, tags):
    path = hdr_clip(tmp_path / "a.mp4", tags)
    shown = bars_of(read_first(path, colours="own"), len(NITS))
    target = rewrite(path, tmp_path / "again.mp4")
    assert tags_of(first_frame(target)) == Tags(LIMITED, 1, 1, 1)
    assert np.abs(bars_of(read_first(target), len(NITS)) - shown).max() <= 2


def linear(rgb):
    return (rgb / 255) ** 2.4


@pytest.mark.parametrize(
    ("primaries", "to_709"),
    [
        (9, [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]),
        (12, [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]),
    ],
    ids=["BT.2020", "Display P3"],
)
def test_row41_photos_of_a_wide_gamut_clip_are_srgb(tmp_path, primaries, to_709):
    """Matrices of ITU-R BT.2087 and of Display P3 to BT.709, for linear light."""
    tags = Tags(LIMITED, 9 if primaries == 9 else 1, 14 if primaries == 9 else 1, primaries)
    path = write_bars(tmp_path / "a.mp4", tags, pix_fmt="yuv420p10le")
    light = linear(bars_by_formula(path)) @ np.transpose(to_709)
    found = bars_of(read_first(path, colours="srgb"))
    inside = (light > -1e-3).all(1) & (light < 1 + 1e-3).all(1)
    assert inside.sum() >= len(GREYS) + 2
    expected = 255 * np.clip(light, 0, 1) ** (1 / 2.4)
    assert np.abs(found - expected)[inside].max() <= 3
    assert np.abs(found - bars_by_formula(path)).max() > 8


REFUSED = {
    "YCgCo": (".mp4", Tags(LIMITED, 8), {}),
    "BT.2020 with constant luminance": (".mp4", Tags(LIMITED, 10, 14, 9), {"pix_fmt": "yuv420p10le"}),
    "ICtCp": (".mkv", Tags(LIMITED, 14, 16, 9), {"pix_fmt": "yuv420p10le"}),
    "log 100:1": (".mp4", Tags(LIMITED, 1, 9, 1), {}),
    "log 316:1": (".ts", Tags(LIMITED, 1, 10, 1), {}),
    "SMPTE ST 428-1": (".mp4", Tags(LIMITED, 1, 17, 1), {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_row42_colours_that_cannot_be_converted_are_refused_by_name(tmp_path, name):
    suffix, tags, more = REFUSED[name]
    path = write_bars(tmp_path / f"a{suffix}", tags, **more)
    with pytest.raises(InputError, match=name) as caught:
        read_first(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_row42_a_clip_that_cannot_be_converted_does_not_stop_the_others(tmp_path, name):
    suffix, tags, more = REFUSED[name]
    bad = write_bars(tmp_path / f"bad{suffix}", tags, **more)
    good = write_clip(tmp_path / "good.mp4", moving(5))
    report = take(bad, good, out=tmp_path / "out", size=64)
    assert [bool(file.error) for file in report.files] == [True, False]
    assert name in report.warnings[0]
    assert report.photos == 1
    assert not list((tmp_path / "out").glob("*bad*"))


def test_row42_frames_from_video_says_it_in_one_line_and_ends_with_4(tmp_path):
    bad = write_bars(tmp_path / "bad.mp4", Tags(LIMITED, 8))
    good = write_clip(tmp_path / "good.mp4", moving(5))
    done = program("frames-from-video", str(bad), str(good), "--size", "64", "--out", str(tmp_path / "out"))
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert done.stderr.count("YCgCo") == 1
    assert "good.mp4: 1 photo" in done.stdout


def test_row42_gen_data_masks_the_clips_that_can_be_converted(tmp_path):
    (tmp_path / "clips").mkdir()
    write_bars(tmp_path / "clips/bad.mp4", Tags(LIMITED, 8))
    write_clip(tmp_path / "clips/good.mp4", moving(6), rate=10)
    out = tmp_path / "set"
    done = program(
        "gen-data",
        "--src",
        str(tmp_path / "clips"),
        "--video",
        "--out",
        str(out),
        "--size",
        "64",
        "--jobs",
        "1",
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "bad.mp4" in done.stderr
    assert "YCgCo" in done.stderr
    assert [file.name.rpartition("-")[0] for file in (out / "video").iterdir()] == ["good"]
    assert (out / "dataset.json").exists()


def test_row42_frames_that_change_to_unusable_colours_end_one_clip_only(tmp_path, monkeypatch):
    good = write_clip(tmp_path / "good.mp4", moving(5))
    other = write_clip(tmp_path / "other.mp4", moving(7))

    def fail(*_args, **_options):
        raise OSError(95, "Operation not supported")

    reformatter = av.video.reformatter.VideoReformatter
    monkeypatch.setattr("maskgen.video.conversion.VideoReformatter", type("Failing", (), {"reformat": fail}))
    with pytest.raises(InputError, match="Operation not supported"):
        read_first(good)
    monkeypatch.setattr("maskgen.video.conversion.VideoReformatter", reformatter)
    assert read_first(other).shape == face_frame().shape


# What OpenCV misreads: HDR becomes another grey, and where it cannot convert it returns memory that was never filled.
DEEP = {"pix_fmt": "yuv420p10le"}
MISREAD = {
    "HLG": (".mp4", HLG, DEEP),
    "PQ": (".mp4", PQ, DEEP),
    "BT.2020": (".mp4", Tags(LIMITED, 9, 14, 9), DEEP),
    "Display P3": (".mp4", Tags(LIMITED, 1, 1, 12), {}),
    "linear": (".mp4", Tags(LIMITED, 1, 8, 1), {}),
    **REFUSED,
}


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "libx264"), (".ts", "libx265")])
@pytest.mark.parametrize("name", MISREAD)
def test_row43_opencv_refuses_by_the_tags_what_it_cannot_read(tmp_path, name, suffix, codec):
    _, tags, more = MISREAD[name]
    path = write_bars(tmp_path / f"a{suffix}", tags, codec=codec, **more)
    with pytest.raises(InputError, match=name) as caught:
        read_first(path, backend="opencv")
    assert "PyAV" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "libx264"), ("a.mov", "libx265"), ("a.flv", "libx264"), ("a.mkv", "ffv1")],
)
def test_row43_opencv_refuses_hdr_of_every_codec(tmp_path, name, codec):
    path = write_bars(tmp_path / name, HLG, pix_fmt="yuv420p10le", codec=codec)
    with pytest.raises(InputError, match="HLG"):
        read_first(path, backend="opencv")


@pytest.mark.parametrize("name", [name for name in CLIPS if name != "BT.2020"])
def test_row43_opencv_reads_the_other_clips_as_pyav_does(tmp_path, name):
    suffix, tags, more = CLIPS[name]
    path = write_bars(tmp_path / f"a{suffix}", tags, **more)
    off = bars_of(read_first(path, backend="opencv")) - bars_of(read_first(path))
    assert np.abs(off).max() <= 4


def test_row43_a_frame_that_opencv_cannot_retrieve_is_an_error(tmp_path):
    import cv2

    from maskgen.video.opencv import _Fetched

    path = write_clip(tmp_path / "a.mp4", moving(3))
    ended = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    ended.release()
    with pytest.raises(InputError, match="cannot be converted"):
        _Fetched(ended, path, None)


def test_row43_the_bars_of_these_tests_lie_inside_rgb():
    for full in (False, True):
        for matrix in (1, 5, 7, 9):
            rgb = to_rgb(np.transpose(BARS[len(GREYS) :]), matrix, full)
            assert (rgb > 1).all()
            assert (rgb < 254).all()


def test_row43_the_page_says_what_opencv_cannot_do():
    page = (Path(__file__).parents[3] / "docs/video.md").read_text()
    assert "The frames are the same" not in page
    assert "it refuses HDR" in page
