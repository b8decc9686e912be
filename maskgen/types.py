"""Data types used throughout: photo, face, pose, mask, triplet. Frozen; the arrays in them are never written to.

Images are RGB `uint8`, 0-255, `h w 3`. Points are (x, y) in pixels of their image, y downwards; the centre of the
top-left pixel is (0, 0). Angles are in degrees; yaw > 0: the face turns to the viewer's right.
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

BRIGHTNESS = 0.299, 0.587, 0.114  # Rec. 601 luma weights of red, green and blue, as in JPEG


@dataclass(frozen=True)
class PhotoRef:
    """Reference to a photo of a source, not yet opened.

    Attributes:
        id: unique name inside the source, a relative POSIX path; order, key and split are derived from its hash.
        identity: name of the person; "" if unknown.
        split: "train", "val" or "test" if the source has official splits, else "".
        points: landmarks that come with the source, ((x, y), ...) in pixels; empty for most sources.
    """

    id: str
    identity: str = ""
    split: str = ""
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Photo:
    """Decoded photo. `digest` is the sha256 of the file's bytes in hex, the key of caches."""

    ref: PhotoRef
    pixels: RGBImage
    digest: str


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees. yaw > 0: to the viewer's right; pitch > 0: up; roll > 0: clockwise in the image."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class Face:
    """Face in pixels of an image.

    Attributes:
        box: bounding box x0, y0, x1, y1 in pixels.
        landmarks: the backend's own points.
        scheme: scheme of `landmarks`: "mesh468", "dlib68" or "celeba5".
        mesh: 468 points of the face mesh: x, y in pixels; z in the same unit, smaller is nearer to the viewer, 0 is
            near the centre plane of the head.
        score: the backend's confidence, 0-1.
    """

    box: tuple[float, float, float, float]
    landmarks: Float32[ndarray, "n 2"]
    scheme: str
    mesh: Float32[ndarray, "468 3"]
    score: float

    def moved(self, matrix: Affine) -> "Face":
        """Returns the face in the coordinates of the image transformed by `matrix`, a similarity transform."""
        import cv2

        (a, b, x), (c, d, y) = matrix.tolist()
        x0, y0, x1, y1 = self.box
        across = [a * px + b * py + x for px in (x0, x1) for py in (y0, y1)]
        down = [c * px + d * py + y for px in (x0, x1) for py in (y0, y1)]
        box = min(across), min(down), max(across), max(down)
        solid = np.array([[a, b, 0, x], [c, d, 0, y], [0, 0, math.sqrt(abs(a * d - b * c)), 0]])
        landmarks, mesh = (
            cv2.transform(points[None], way)[0] if len(points) else points  # OpenCV refuses empty arrays
            for points, way in ((self.landmarks, matrix), (self.mesh, solid))
        )
        return Face(box, landmarks, self.scheme, mesh, self.score)


@dataclass(frozen=True)
class WornMask:
    """Mask on a face: the labels in a sample's JSON. A face without one is `bare`, with strength 0."""

    family: str
    texture: str
    colour: str
    strength: float
    wear: str

    @property
    def is_bare(self) -> bool:
        """Whether the face wears no mask."""
        return self.family == BARE.family


# Labels of a face without a mask.
BARE = WornMask(family="bare", texture="", colour="", strength=0.0, wear="")


@dataclass(frozen=True)
class MaskedFace:
    """Face of a triplet, in pixels of its crop, and the mask on it; `bare` if there is none."""

    face: Face
    pose: Pose
    mask: WornMask


@dataclass(frozen=True)
class Triplet:
    """Sample before it is encoded.

    Attributes:
        masked: the crop with the masks; equal to `gt` if no face wears one.
        gt: the same crop without masks.
        map: 1 in every pixel that a mask changes; where it is 0, `masked` equals `gt`.
        parts: 0 unchanged, 1 shadow only, 2 strap, 3 mask.
        faces: all faces found in the photo that are visible in the crop, in its pixels, bare ones too; first the face
            that the crop was cut for.
        valid: fraction of the crop that lies inside the photo.
        seed: seed of the sample's random choices.
        main: whether it shows the largest face found in the photo, to which an identity refers.
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
    def is_bare(self) -> bool:
        """Whether no mask is visible: the map is 0 everywhere, and `masked` equals `gt`."""
        return not self.map.any()

    @property
    def hole_share(self) -> float:
        """Fraction of the crop that the map covers."""
        return np.count_nonzero(self.map) / self.map.size


Outcome = Triplet | Skip
