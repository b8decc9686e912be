"""Rows 41 and 42 of docs/faults.md: `unmask run` on clips as cameras and phones write them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.colour_clips import (
    FULL,
    LIMITED,
    Tags,
    first_frame,
    greys_by_formula,
    greys_of,
    tags_of,
    write_scene,
)
from tests.helpers.restoring import FILL, ToyNetworks, draw_photo, face_at, fixed_detector
from tests.maskgen.video.test_faults_colours import HLG, PQ, read_first
from unmasknet.restore.batch import run
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker

pytestmark = pytest.mark.fault

SIDE = 120
SDR = {
    "camera.avi": (Tags(FULL), {"pix_fmt": "yuvj420p", "codec": "mjpeg"}),
    "limited.mp4": (Tags(LIMITED, 1, 1, 1), {}),
    "ten.mp4": (Tags(LIMITED, 1, 1, 1), {"pix_fmt": "yuv420p10le"}),
}
HDR = {
    "HLG": ("hlg.mp4", HLG, {"pix_fmt": "yuv420p10le"}),
    "PQ": ("pq.mkv", PQ, {"pix_fmt": "yuv420p10le"}),
}


@dataclass
class MaskBelow(ToyNetworks):
    """Networks that find a mask in the lower half of each face, whatever its colour."""

    def hidden(self, crops):
        found = np.zeros(crops.shape[:3], np.float32)
        found[:, 32:52, 20:44] = 1
        return found


def restore(path, out):
    unmasker = Unmasker(MaskBelow(), fixed_detector(face_at(220, 160, SIDE)))
    report = run(RestoreSettings(inputs=(str(path),), out=str(out)), unmasker, lambda *_: None)
    return report.results[0]


def pictures():
    return [draw_photo(240, 320)] * 8


@pytest.mark.parametrize("name", SDR)
def test_row41_a_restored_clip_keeps_its_greys(tmp_path, name):
    tags, more = SDR[name]
    path = write_scene(tmp_path / name, tags, pictures(), **more)
    result = restore(path, tmp_path / "out")
    assert result.said == "8 of 8 frames restored"
    source, again = tags_of(first_frame(path)), tags_of(first_frame(result.output))
    assert np.abs(greys_by_formula(result.output) - greys_by_formula(path)).max() <= 2
    assert again == Tags(LIMITED, source.matrix, source.transfer, source.primaries)
    before, after = read_first(path, colours="own"), read_first(Path(result.output))
    assert np.abs(after[:, :140].mean((0, 1)) - before[:, :140].mean((0, 1))).max() < 0.5
    assert np.abs(after[168:190, 205:235].mean((0, 1)) - FILL).max() < 12


@pytest.mark.parametrize("transfer", HDR)
def test_row42_a_restored_hdr_clip_looks_as_it_was_shown_and_run_says_so(tmp_path, transfer):
    name, tags, more = HDR[transfer]
    path = write_scene(tmp_path / name, tags, pictures(), **more)
    result = restore(path, tmp_path / "out")
    assert result.said == f"8 of 8 frames restored; HDR ({transfer}) was tone-mapped to BT.709"
    shown = greys_of(read_first(path, colours="own"))
    assert tags_of(first_frame(result.output)) == Tags(LIMITED, 1, 1, 1)
    assert np.abs(greys_by_formula(result.output)[:, None] - shown).max() <= 2


def test_row42_an_hdr_clip_without_a_mask_is_copied(tmp_path):
    name, tags, more = HDR["HLG"]
    path = write_scene(tmp_path / name, tags, pictures()[:3], **more)
    unmasker = Unmasker(ToyNetworks(), fixed_detector())
    settings = RestoreSettings(inputs=(str(path),), out=str(tmp_path / "out"))
    result = run(settings, unmasker, lambda *_: None).results[0]
    assert "tone-mapped" not in result.said
    assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()
