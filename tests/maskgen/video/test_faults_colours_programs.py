"""Rows 41 and 42 of docs/faults.md with the whole programs: clips as cameras and phones write them."""

import numpy as np
import pytest

from maskgen.images.codecs import decode
from maskgen.settings import MAX_PHOTO_PIXELS
from tests.helpers.clips import moving
from tests.helpers.colour_clips import (
    FULL,
    GREYS,
    LIMITED,
    Tags,
    first_frame,
    greys_by_formula,
    greys_of,
    tags_of,
    write_scene,
)
from tests.helpers.program import program
from tests.maskgen.video.test_faults_colours import HLG, PQ, read_first

pytestmark = pytest.mark.fault

SDR = {
    "camera.avi": (Tags(FULL), {"pix_fmt": "yuvj420p", "codec": "mjpeg"}),
    "phone.mp4": (Tags(FULL, 1, 1, 1), {"pix_fmt": "yuvj420p"}),
    "limited.mp4": (Tags(LIMITED, 1, 1, 1), {}),
    "ten.mp4": (Tags(LIMITED, 1, 1, 1), {"pix_fmt": "yuv420p10le"}),
}
HDR = {
    "hlg.mp4": (HLG, {"pix_fmt": "yuv420p10le"}),
    "pq.mkv": (PQ, {"pix_fmt": "yuv420p10le"}),
}
QUIET = np.s_[:, 260:]  # columns without a face


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for name, (tags, more) in {**SDR, **HDR}.items():
        write_scene(folder / name, tags, moving(6), **more)
    return folder


@pytest.fixture(scope="module")
def masked(scenes, tmp_path_factory):
    """Returns the finished `gen-data --video`, and a function that finds a clip with masks."""
    out = tmp_path_factory.mktemp("made") / "set"
    arguments = ("--src", str(scenes), "--video", "--out", str(out), "--size", "64", "--jobs", "1")
    done = program("gen-data", *arguments)
    assert done.returncode == 0, done.stderr
    return done, lambda name: next((out / "video").glob(f"{name.partition('.')[0]}-*"))


@pytest.fixture(scope="module")
def photos(scenes, tmp_path_factory):
    """Returns the finished `frames-from-video` of whole frames, and a function that reads the photo of a clip."""
    out = tmp_path_factory.mktemp("photos") / "out"
    done = program("frames-from-video", str(scenes), "--size", "0", "--format", "png", "--out", str(out))
    assert done.returncode == 0, done.stderr

    def photo(name):
        file = next(out.glob(f"{name.partition('.')[0]}-*/**/*.png"))
        return decode(file.read_bytes(), max_pixels=MAX_PHOTO_PIXELS, background=255)

    return done, photo


@pytest.mark.parametrize("name", SDR)
def test_row41_gen_data_keeps_the_greys_of_a_clip(scenes, masked, name):
    before, after = greys_by_formula(scenes / name), greys_by_formula(masked[1](name))
    assert np.abs(after - before).max() <= 2
    assert tags_of(first_frame(masked[1](name))).range == LIMITED


@pytest.mark.parametrize("name", SDR)
def test_row41_gen_data_darkens_a_clip_by_less_than_half_a_grey_level(scenes, masked, name):
    before, after = (
        read_first(file, colours="own")[QUIET].mean((0, 1)) for file in (scenes / name, masked[1](name))
    )
    assert np.abs(after - before).max() < 0.5


@pytest.mark.parametrize("name", SDR)
def test_row41_frames_from_video_keeps_the_greys_of_a_clip(scenes, photos, name):
    levels = greys_of(photos[1](name))
    assert np.abs(levels - greys_by_formula(scenes / name)[:, None]).max() <= 2
    if tags_of(first_frame(scenes / name)).range == FULL:
        assert np.abs(levels - np.array(GREYS)[:, None]).max() <= 2


@pytest.mark.parametrize("name", HDR)
def test_row42_gen_data_masks_an_hdr_clip_as_it_is_shown(scenes, masked, name):
    shown = greys_of(read_first(scenes / name, colours="own"))
    again = masked[1](name)
    assert tags_of(first_frame(again)) == Tags(LIMITED, 1, 1, 1)
    assert np.abs(greys_by_formula(again)[:, None] - shown).max() <= 2


@pytest.mark.parametrize("name", HDR)
def test_row42_frames_from_video_takes_photos_of_an_hdr_clip_as_it_is_shown(scenes, photos, name):
    shown = greys_of(read_first(scenes / name))
    assert np.abs(greys_of(photos[1](name)) - shown).max() <= 1


@pytest.mark.parametrize("command", ["gen-data", "frames-from-video"])
def test_row42_the_program_says_in_one_line_that_a_clip_was_tone_mapped(masked, photos, command):
    done = (masked if command == "gen-data" else photos)[0]
    lines = [line for line in done.stderr.splitlines() if "tone-mapped" in line]
    assert len(lines) == len(HDR)
    assert any("hlg.mp4" in line and "HLG" in line for line in lines)
    assert any("pq.mkv" in line and "PQ" in line for line in lines)
