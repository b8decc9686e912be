"""Small drawn data sets of photos with several faces, for tests of what detectors' trainers read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from maskgen.dataset import shard_record, shards
from maskgen.settings import ShardSettings
from maskgen.types import BARE, Face, MaskedFace, Pose, Triplet, WornMask

WIDTH, HEIGHT = 160, 120


@dataclass(frozen=True)
class DrawnFace:
    """Face to draw: centre and half width in pixels, and the state of its mask ("bare" for none)."""

    x: float
    y: float
    half: float = 20.0
    wear: str = "correct"

    @property
    def outline(self) -> np.ndarray:
        """Corners of its mask, from the middle of the face to the chin."""
        x, y, half = self.x, self.y, self.half
        return np.array(
            [[x - half * 0.8, y], [x + half * 0.8, y], [x + half * 0.5, y + half], [x - half * 0.5, y + half]]
        )


def drawn_face(face: DrawnFace) -> Face:
    """Returns a face whose 468 points lie on an ellipse; point 10 is its uppermost one, 152 its chin."""
    angles = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    points = np.stack([face.x + face.half * np.sin(angles), face.y - 1.2 * face.half * np.cos(angles)], 1)
    points[10], points[152] = (face.x, face.y - 1.2 * face.half), (face.x, face.y + 1.2 * face.half)
    points[13] = points[14] = face.x, face.y + 0.5 * face.half
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = points
    box = (*points.min(0).tolist(), *points.max(0).tolist())
    return Face(box, mesh[:, :2].copy(), "mesh468", mesh, 0.9)


def photo_of(
    faces: Sequence[DrawnFace], number: int = 0, width: int = WIDTH, height: int = HEIGHT
) -> Triplet:
    """Draws a photo of faces, and their masks."""
    rng = np.random.default_rng(number)
    gt = cv2.resize(
        rng.integers(60, 190, (6, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )
    masked, parts = gt.copy(), np.zeros((height, width), np.uint8)
    for face in faces:
        if face.wear != "bare":
            cv2.line(parts, (round(face.x - face.half), round(face.y - 4)), (round(face.x), round(face.y)), 2)
            cv2.fillPoly(parts, [face.outline.round().astype(np.int32)], 3)
    masked[parts > 0] = 255 - gt[parts > 0] // 2
    worn = [
        BARE if face.wear == "bare" else WornMask("surgical", "plain", "#0473e2", 1.0, face.wear)
        for face in faces
    ]
    known = tuple(
        MaskedFace(drawn_face(face), Pose(0.0, 0.0, 0.0), mask)
        for face, mask in zip(faces, worn, strict=True)
    )
    return Triplet(masked, gt, (parts > 0).astype(np.uint8), parts, known, 1.0, number)


def write_photos(
    folder: Path,
    photos: Sequence[Sequence[DrawnFace]],
    *,
    split: str = "train",
    encoding: str = "jpg",
    size_setting: int = 0,
    per_face: int = 1,
) -> Path:
    """Writes a shard of photos with these faces, by the real encoder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = {}
    for number, faces in enumerate(photos):
        origin = shards.Origin(f"{split}/{number}.jpg", "", split, "")
        for nth in range(per_face):
            key = f"{split}{number}-0000000{number}-f0-m{nth}"
            samples[key] = shards.encode(photo_of(faces, number), origin, ShardSettings(format=encoding))
    name = f"{split}-000000"
    with shards.ShardWriter(folder, folder, name, len(photos)) as writer:
        writer.add_photo((key, samples[key]) for key in sorted(samples))
        size, digest = writer.finish()
    settings = {"crop": {"size": size_setting}}
    (folder / "dataset.json").write_text(json.dumps({"format": 2, "settings": settings}))
    report = shard_record.ShardReport(name, split, len(photos), len(samples), size, digest, "0" * 16, {}, ())
    shard_record.write_record(folder, report)
    return folder
