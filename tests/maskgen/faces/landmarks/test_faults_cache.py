"""Row 58 of the fault matrix: landmark cache files that are sound files with the wrong content."""

import hashlib
import json
import os
import zlib

import numpy as np
import pytest

from maskgen.errors import Skip
from maskgen.faces.landmarks.cache import MAGIC, PREFIX, CachedDetector, fingerprint
from maskgen.types import Photo, PhotoRef
from tests.helpers.faces import mean_face

pytestmark = pytest.mark.fault

PIXELS = np.full((300, 400, 3), 90, np.uint8)
PHOTO = Photo(PhotoRef("a.jpg"), PIXELS, hashlib.sha256(b"a").hexdigest())
BOX = [10.0, 20.0, 60.0, 80.0]
MESH = 468 * 3
ROUND = np.stack([np.cos(np.arange(468)), np.sin(np.arange(468)), np.zeros(468)], 1) * 40 + 150


class Counting:
    """Detector that counts its calls."""

    name = "counting"

    def __init__(self, found):
        self.found, self.calls = found, 0

    def detect(self, pixels):
        self.calls += 1
        return self.found


def points(count=468, mesh=ROUND):
    """Returns the points of one face as they are stored."""
    return np.concatenate([mesh.ravel(), mesh[np.arange(count) % 468, :2].ravel()]).astype("<f4").tobytes()


def with_checksum(header: object, tail: bytes = b"", *, text: bytes | None = None) -> bytes:
    """Builds a cache file whose checksum is right."""
    text = json.dumps(header).encode() if text is None else text
    body = text + tail
    return MAGIC + PREFIX.pack(zlib.crc32(body), len(text)) + body


def of_faces(*faces: object, tail: bytes | None = None) -> bytes:
    stored = points() * len(faces) if tail is None else tail
    return with_checksum({"pixels": fingerprint(PIXELS), "faces": list(faces)}, stored)


def of_skip(*skip: object) -> bytes:
    return with_checksum({"pixels": fingerprint(PIXELS), "skip": list(skip)})


FLAT = ROUND * [1, 0, 1]
BAD = {
    "fewer points than a mesh has": of_faces([BOX, "mesh468", 468, 0.9], tail=points()[:-8]),
    "no points": of_faces([BOX, "mesh468", 468, 0.9], tail=b""),
    "half a number": of_faces([BOX, "mesh468", 468, 0.9], tail=points()[:-2]),
    "points left over": of_faces([BOX, "mesh468", 468, 0.9], tail=points() + bytes(8)),
    "a count that is not the scheme's": of_faces([BOX, "mesh468", 400, 0.9], tail=points(400)),
    "a negative count": of_faces([BOX, "mesh468", -1, 0.9]),
    "a count that is no integer": of_faces([BOX, "mesh468", 468.0, 0.9]),
    "another scheme": of_faces([BOX, "wflw98", 98, 0.9], tail=points(98)),
    "a scheme that is a list": of_faces([BOX, ["mesh468"], 468, 0.9]),
    "a box of three numbers": of_faces([BOX[:3], "mesh468", 468, 0.9]),
    "a box of five numbers": of_faces([[*BOX, 1.0], "mesh468", 468, 0.9]),
    "a box of texts": of_faces([["1", "2", "3", "4"], "mesh468", 468, 0.9]),
    "a box turned inside out": of_faces([BOX[::-1], "mesh468", 468, 0.9]),
    "a box without an end": of_faces([[0.0, 0.0, float("inf"), 5.0], "mesh468", 468, 0.9]),
    "a score that is no number": of_faces([BOX, "mesh468", 468, None]),
    "a score that is not finite": of_faces([BOX, "mesh468", 468, float("nan")]),
    "points that are not finite": of_faces([BOX, "mesh468", 468, 0.9], tail=points(mesh=ROUND * np.nan)),
    "points on a line": of_faces([BOX, "mesh468", 468, 0.9], tail=points(mesh=FLAT)),
    "all points at one place": of_faces([BOX, "mesh468", 468, 0.9], tail=bytes(len(points()))),
    "a face of three fields": of_faces([BOX, "mesh468", 468]),
    "a face of another form": of_faces({"box": BOX, "scheme": "mesh468", "count": 468, "score": 1.0}),
    "no face": of_faces(),
    "faces that are no list": with_checksum({"pixels": fingerprint(PIXELS), "faces": 2}),
    "neither faces nor a reason": with_checksum({"pixels": fingerprint(PIXELS)}),
    "no pixels": with_checksum({"faces": []}),
    "a list": with_checksum([fingerprint(PIXELS), []]),
    "a number": with_checksum(7),
    "no text": with_checksum(None, text=b"\xff\xfe\xfd"),
    "an empty header": with_checksum(None, text=b""),
    "brackets only": with_checksum(None, text=b"[" * 50),
    "an unknown reason": of_skip("asleep", ""),
    "a reason that no detector gives": of_skip("poison", ""),
    "a reason without its detail": of_skip("no_face"),
    "a reason of three parts": of_skip("no_face", "", ""),
    "a reason that is a list": of_skip(["no_face"], ""),
    "a detail that is a number": of_skip("no_face", 3),
    "of another detector": with_checksum(
        {"pixels": fingerprint(PIXELS), "detector": "0" * 16, "faces": [[BOX, "mesh468", 468, 0.9]]}, points()
    ),
}


def entry_of(tmp_path, found):
    """Fills a cache with the entry of `PHOTO`; returns its path."""
    CachedDetector(Counting(found), tmp_path).detect(PHOTO)
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    return path


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_row58_a_cache_file_of_another_shape_is_a_miss_and_replaced(tmp_path, data):
    path = entry_of(tmp_path, [mean_face()])
    good = path.read_bytes()
    path.write_bytes(data)
    counting = Counting([mean_face()])
    (found,) = CachedDetector(counting, tmp_path).detect(PHOTO)
    assert counting.calls == 1
    assert found.landmarks.shape == (468, 2)
    assert path.read_bytes() == good


def test_row58_the_entry_before_it_was_spoilt_is_a_hit(tmp_path):
    path = entry_of(tmp_path, [mean_face()])
    path.write_bytes(of_faces([BOX, "mesh468", 468, 0.9], [BOX, "dlib68", 68, 1], tail=points() + points(68)))
    counting = Counting([mean_face()])
    assert [len(face.landmarks) for face in CachedDetector(counting, tmp_path).detect(PHOTO)] == [468, 68]
    path.write_bytes(of_skip("tiny_face", "20 px"))
    assert CachedDetector(counting, tmp_path).detect(PHOTO) == Skip("tiny_face", "20 px")
    assert counting.calls == 0


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a device"])
def test_row58_what_is_no_file_is_a_miss_and_never_waited_for(tmp_path, kind):
    path = entry_of(tmp_path, [mean_face()])
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    counting = Counting([mean_face()])
    assert len(CachedDetector(counting, tmp_path).detect(PHOTO)) == counting.calls == 1


def test_row58_a_file_far_larger_than_landmarks_is_not_read(tmp_path):
    path = entry_of(tmp_path, [mean_face()])
    good = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(8 * 2**30)  # a hole: it takes no space
    counting = Counting([mean_face()])
    assert len(CachedDetector(counting, tmp_path).detect(PHOTO)) == counting.calls == 1
    assert path.read_bytes() == good
