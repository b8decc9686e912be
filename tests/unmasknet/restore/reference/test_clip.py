"""A clip restored by a reference: one reference, a steady mesh, and a note in the file."""

import av
import numpy as np
import pytest
from PIL import Image

from tests.helpers.clips import read_frames, write_clip
from tests.helpers.references import masked_portrait, other_view, psnr, real_unmasker
from unmasknet.restore.batch import run
from unmasknet.restore.provenance import NOTE_BY_REFERENCE
from unmasknet.restore.reference.clip_painter import ClipPainter, _from_crop, _to_crop
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import _window

SHAKE, COUNT = 3.0, 5


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    """Returns the frames of a clip of a face that moves to the right, restored by a reference, and what was said."""
    folder = tmp_path_factory.mktemp("clip")
    frames = [np.roll(masked_portrait().masked, 2 * n, axis=1) for n in range(COUNT)]
    clip = write_clip(folder / "a.mp4", frames)
    Image.fromarray(other_view()).save(folder / "me.png")
    settings = RestoreSettings(
        inputs=(str(clip),), out=str(folder / "out"), reference=(str(folder / "me.png"),)
    )
    result = run(settings, real_unmasker(), lambda *_: None).results[0]
    return read_frames(result.output), result


def test_every_frame_shows_the_face_of_the_reference(restored):
    frames, result = restored
    triplet = masked_portrait()
    by_network = psnr(real_unmasker()(triplet.masked).picture, triplet.gt, triplet.map)
    for n, frame in enumerate(frames):
        truth, hole = (np.roll(plane, 2 * n, axis=1) for plane in (triplet.gt, triplet.map))
        assert psnr(frame.astype(np.uint8), truth, hole) > by_network + 1, n
    assert result.said == f"{COUNT} of {COUNT} frames restored, by a reference"


def test_the_metadata_say_that_a_reference_was_used_and_not_which(restored):
    with av.open(restored[1].output) as container:
        assert container.metadata["comment"] == NOTE_BY_REFERENCE


def test_a_shaking_mesh_is_smoothed_in_the_frame_of_the_face():
    photo = masked_portrait().masked
    unmasker = real_unmasker()
    window = _window(unmasker.find_faces(photo)[0].place, photo)
    painter = ClipPainter(unmasker._restorer, unmasker.load_references([other_view()]), "reference", True)
    mesh = masked_portrait().faces[0].face.mesh
    rng = np.random.default_rng(0)
    shaken = [mesh + rng.normal(0, SHAKE, mesh.shape).astype(np.float32) for _ in range(40)]
    steady = [painter._settled(n / 30, one, window) for n, one in enumerate(shaken)][10:]
    assert np.std(steady, axis=0).mean() < 0.6 * SHAKE
    assert np.abs(np.mean(steady, axis=0) - mesh).mean() < SHAKE


def test_a_mesh_returns_from_the_frame_of_the_crop():
    photo = masked_portrait().masked
    window = _window(real_unmasker().find_faces(photo)[0].place, photo)
    mesh = masked_portrait().faces[0].face.mesh
    assert np.abs(_from_crop(_to_crop(mesh, window), window) - mesh).max() < 1e-3
