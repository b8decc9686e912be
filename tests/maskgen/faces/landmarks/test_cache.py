import hashlib
import os

import numpy as np
import pytest

from maskgen.errors import Skip
from maskgen.faces.landmarks.cache import CachedDetector, cache_folder, fingerprint, pack, unpack
from maskgen.types import Photo, PhotoRef
from tests.helpers.faces import astronaut, detector, face_from, mean_face, turned


class Counting:
    """Detector that counts its calls."""

    name = "counting"

    def __init__(self, found):
        self.found, self.calls = found, 0

    def detect(self, pixels):
        self.calls += 1
        return self.found


def photo(pixels=None, name="a"):
    pixels = np.zeros((20, 30, 3), np.uint8) if pixels is None else pixels
    return Photo(PhotoRef(name), pixels, hashlib.sha256(name.encode()).hexdigest())


def same(one, other):
    return all(
        a.mesh.tobytes() == b.mesh.tobytes()
        and a.landmarks.tobytes() == b.landmarks.tobytes()
        and (a.box, a.scheme, a.score) == (b.box, b.scheme, b.score)
        for a, b in zip(one, other, strict=True)
    )


def test_cached_faces_are_bit_identical_to_fresh_ones(tmp_path):
    cached = CachedDetector(detector(), tmp_path)
    fresh = detector().detect(astronaut())
    assert same(cached.detect(photo(astronaut())), fresh)
    assert same(cached.detect(photo(astronaut())), fresh)
    assert same(CachedDetector(detector(), tmp_path).detect(photo(astronaut())), fresh)


def test_a_cached_photo_runs_no_detector(tmp_path):
    counting = Counting([mean_face(), mean_face(turned(20, 0, 0))])
    for _ in range(3):
        CachedDetector(counting, tmp_path).detect(photo())
    assert counting.calls == 1


def test_the_reason_for_no_face_is_cached_too(tmp_path):
    counting = Counting(Skip("bad_landmarks", "folded"))
    answers = {CachedDetector(counting, tmp_path).detect(photo()) for _ in range(2)}
    assert answers == {Skip("bad_landmarks", "folded")}
    assert counting.calls == 1


def test_points_of_another_scheme_survive_packing():
    face = face_from(mean_face().mesh)
    dlib = type(face)(face.box, face.landmarks[:68].copy(), "dlib68", face.mesh, 0.123456789)
    assert same(unpack(pack([dlib, face], "m"), "m"), [dlib, face])


def test_photos_detectors_and_decodings_do_not_share_entries(tmp_path):
    counting, other = Counting([]), Counting([])
    other.name = "other"
    CachedDetector(counting, tmp_path).detect(photo())
    CachedDetector(counting, tmp_path).detect(photo(name="b"))
    CachedDetector(other, tmp_path).detect(photo())
    CachedDetector(counting, tmp_path).detect(photo(np.full((20, 30, 3), 7, np.uint8)))
    assert (counting.calls, other.calls) == (3, 1)


def test_a_damaged_entry_cannot_be_unpacked():
    data = pack([mean_face()], "m")
    for end in range(0, len(data), 97):
        with pytest.raises(ValueError, match="landmarks"):
            unpack(data[:end], "m")
    for place in range(0, len(data), 41):
        broken = bytearray(data)
        broken[place] ^= 16
        with pytest.raises(ValueError, match="landmarks"):
            unpack(bytes(broken), "m")


def test_a_damaged_entry_is_replaced(tmp_path):
    counting = Counting([mean_face()])
    CachedDetector(counting, tmp_path).detect(photo())
    (entry,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    whole = entry.read_bytes()
    entry.write_bytes(whole[:500])
    CachedDetector(counting, tmp_path).detect(photo())
    assert counting.calls == 2
    assert entry.read_bytes() == whole
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [entry]


def test_a_cache_that_cannot_be_written_does_not_end_the_run(tmp_path):
    (tmp_path / "file").write_text("in the way")
    counting = Counting([mean_face()])
    assert len(CachedDetector(counting, tmp_path / "file").detect(photo())) == 1


def test_a_partly_written_entry_is_removed(tmp_path, monkeypatch):
    counting = Counting([mean_face()])
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:100]))
    assert len(CachedDetector(counting, tmp_path).detect(photo())) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_a_folder_nothing_is_cached():
    counting = Counting([mean_face()])
    passing = CachedDetector(counting, None)
    assert passing.name == "counting"
    assert len(passing.detect(photo())) == len(passing.detect(photo())) == 1
    assert counting.calls == 2


def test_the_default_folder_is_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("auto") == tmp_path / "unmask/landmarks"
    assert cache_folder("off") is None
    assert cache_folder(str(tmp_path / "mine")) == tmp_path / "mine"


def test_a_fingerprint_changes_with_any_pixel_and_the_shape():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    assert fingerprint(pixels) != fingerprint(pixels.reshape(7, 5, 3))
    for place in np.ndindex(pixels.shape):
        changed = pixels.copy()
        changed[place] ^= 1
        assert fingerprint(changed) != fingerprint(pixels)
