"""The nouns that everything speaks. Frozen; arrays inside are not written to.

Pictures are RGB `uint8`, 0-255, `h w 3`. Points are (x, y) in pixels of the picture they came with, +y down,
the centre of the top-left pixel at (0, 0). Angles are degrees; yaw > 0: the face turns to the viewer's right.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.errors import Skip

RGBImage = UInt8[ndarray, "h w 3"]
Plane = UInt8[ndarray, "h w"]
Affine = Float32[ndarray, "2 3"]

BRIGHTNESS = 0.299, 0.587, 0.114  # shares of red, green and blue in it, as JPEG has them


@dataclass(frozen=True)
class PhotoRef:
    """One photo of a source, not yet opened.

    Attributes:
        id: its name inside the source, POSIX, relative, unique; what the order, the key and the split hash.
        identity: who is seen, "" where the source does not know.
        split: "train", "val" or "test" where the source has official ones, else "".
        points: landmarks the source itself brings as ((x, y), ...), empty for most.
    """

    id: str
    identity: str = ""
    split: str = ""
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Photo:
    """A decoded photo. `digest` is the hex sha256 of the file's bytes: what caches are keyed by."""

    ref: PhotoRef
    pixels: RGBImage
    digest: str


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees. yaw > 0: to the viewer's right; pitch > 0: up; roll > 0: clockwise as seen."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class Face:
    """A face in the pixels of some picture.

    Attributes:
        box: x0, y0, x1, y1 in pixels.
        landmarks: the backend's own points.
        scheme: what `landmarks` are: "mesh468", "dlib68", "celeba5".
        mesh: 468 points of the face mesh: x, y in pixels, z in the same unit, smaller is nearer to the
            viewer, 0 near the head's centre plane of the mesh.
        score: the backend's confidence, 0-1.
    """

    box: tuple[float, float, float, float]
    landmarks: Float32[ndarray, "n 2"]
    scheme: str
    mesh: Float32[ndarray, "468 3"]
    score: float

    def moved(self, matrix: Affine) -> "Face":
        """Returns the same face after its image was transformed by `matrix`, a similarity."""
        import cv2

        (a, b, x), (c, d, y) = matrix.tolist()
        x0, y0, x1, y1 = self.box
        across = [a * px + b * py + x for px in (x0, x1) for py in (y0, y1)]
        down = [c * px + d * py + y for px in (x0, x1) for py in (y0, y1)]
        box = min(across), min(down), max(across), max(down)
        solid = np.array([[a, b, 0, x], [c, d, 0, y], [0, 0, math.sqrt(abs(a * d - b * c)), 0]])
        landmarks, mesh = (
            cv2.transform(points[None], way)[0] if len(points) else points  # no points are none to OpenCV
            for points, way in ((self.landmarks, matrix), (self.mesh, solid))
        )
        return Face(box, landmarks, self.scheme, mesh, self.score)


@dataclass(frozen=True)
class WornMask:
    """What was put on a face: the labels that a sample's json carries."""

    family: str
    texture: str
    colour: str
    strength: float
    wear: str


@dataclass(frozen=True)
class MaskedFace:
    """A face of a triplet, in pixels of its crop, and the mask it wears."""

    face: Face
    pose: Pose
    mask: WornMask


@dataclass(frozen=True)
class Triplet:
    """One sample before it is encoded.

    Attributes:
        masked: the crop with the mask.
        gt: the same crop without it.
        map: 1 where the face is hidden: everything the mask touched; `masked` equals `gt` where it is 0.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask.
        faces: the masked faces, in pixels of the crop.
        valid: share of the crop that lies inside the photo.
        seed: what the sample's random choices were drawn from.
        main: whether it shows the photo's main face, the largest that was found: the one that an identity names.
    """

    masked: RGBImage
    gt: RGBImage
    map: Plane
    parts: Plane
    faces: tuple[MaskedFace, ...]
    valid: float
    seed: int
    main: bool = True

    @property
    def hole(self) -> float:
        """Share of the crop that the map covers."""
        return np.count_nonzero(self.map) / self.map.size


Outcome = Triplet | Skip
