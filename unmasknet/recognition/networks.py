"""Face recognition networks that are evaluated: dlib's, or any ONNX file that computes an embedding."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from maskgen.errors import InputError, MissingError
from maskgen.extras import install_line
from maskgen.faces.arcface import SIDE, FivePoints, arcface_matrix
from maskgen.images.resample import warp
from maskgen.types import Affine, RGBImage
from unmasknet.metrics.identity import DLIB_FILE, DlibIdentity, build_identity, unit
from unmasknet.recognition.settings import RecognitionSettings

Vector = Float[ndarray, " d"]
FOUR = [0, 1, 3, 4]  # of the five points: those that dlib's chips are aligned by
LARGEST = 4096  # pixels; a larger input is no face
KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


@runtime_checkable
class FaceNetwork(Protocol):
    """Face recognition network.

    Attributes:
        name: shown in the report.
        side: side of its aligned input in pixels.
    """

    name: str
    side: int

    def embed(self, image: RGBImage, points: FivePoints) -> Vector:
        """Computes a vector of length 1; the cosine of two is their similarity.

        Args:
            image: RGB, 0-255.
            points: five points of the face in pixels of `image`.
        """


class DlibNetwork:
    """dlib's ResNet, on chips of 150 px aligned by eyes and corners of the mouth."""

    side = 150

    def __init__(self, net: DlibIdentity, flip: bool) -> None:
        self._net, self._flip = net, flip
        self.name = net.name

    def embed(self, image: RGBImage, points: FivePoints) -> Vector:
        """Computes a vector of length 1, see `FaceNetwork.embed`."""
        four = points[FOUR].astype(np.float64)
        vector = self._net.embed(image, four)
        if self._flip:
            mirrored = np.ascontiguousarray(image[:, ::-1])
            four = four[[1, 0, 3, 2]] * (-1, 1) + (image.shape[1] - 1, 0)
            vector = vector + self._net.embed(mirrored, four)
        return unit(vector)


class OnnxNetwork:
    """Embedding network from an ONNX file, on crops aligned by ArcFace's five points.

    Args:
        path: the file. It takes one image, `n 3 side side` or `n side side 3`, of 112 px where its size is open.
        channels: "rgb" or "bgr".
        mean, std: (grey level - mean) / std is its input.
        margin: fraction of the side by which the crop is wider than ArcFace's, at each edge.
        flip: add the embedding of the mirrored crop.

    Raises:
        InputError: the file cannot be read, or is no such network.
    """

    def __init__(
        self, path: Path, *, channels: str, mean: float, std: float, margin: float, flip: bool
    ) -> None:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors; how a graph is optimised is not the user's concern
        try:
            self._net: Any = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise InputError(f"--net {path}: cannot be read as an ONNX network: {error}") from error
        self.path, self.name = path, path.name
        inputs = self._net.get_inputs()
        if len(inputs) != 1:
            raise InputError(f"--net {path}: takes {len(inputs)} inputs; give a network that takes one image")
        self._input, self._kind = inputs[0].name, inputs[0].type
        self._last, self.side = _layout(path, inputs[0].shape, inputs[0].type)
        self._channels, self._mean, self._std = channels, mean, std
        self._margin, self._flip = margin, flip
        self.embed_crop(np.zeros((self.side, self.side, 3), np.uint8))  # fails now, not after an hour

    def matrix(self, points: FivePoints) -> Affine:
        """Computes the matrix image -> crop."""
        inner = self.side / (1 + 2 * self._margin)
        matrix = arcface_matrix(points, SIDE).astype(np.float64)
        scale, offset = inner / SIDE, self._margin * inner
        matrix[:, :2] *= scale
        matrix[:, 2] = (matrix[:, 2] + 0.5) * scale - 0.5 + offset
        return matrix.astype(np.float32)

    def embed(self, image: RGBImage, points: FivePoints) -> Vector:
        """Computes a vector of length 1, see `FaceNetwork.embed`."""
        crop = warp(image, self.matrix(points), self.side, "constant", fine=True)
        vector = self.embed_crop(crop)
        if self._flip:
            vector = vector + self.embed_crop(np.ascontiguousarray(crop[:, ::-1]))
        return unit(vector)

    def embed_crop(self, crop: UInt8[ndarray, "side side 3"]) -> Vector:
        """Computes the vector of an aligned crop, of length 1.

        Raises:
            InputError: the network does not compute one finite vector.
        """
        pixels = crop if self._channels == "rgb" else crop[..., ::-1]
        if self._kind == "tensor(uint8)":
            blob = np.ascontiguousarray(pixels)
        else:
            blob = ((pixels.astype(np.float32) - self._mean) / self._std).astype(KINDS[self._kind])
        batch = blob[None] if self._last else blob.transpose(2, 0, 1)[None]
        try:
            found = np.asarray(self._net.run(None, {self._input: np.ascontiguousarray(batch)})[0])
        except Exception as error:
            raise InputError(f"--net {self.path}: fails on an image of {self.side} px: {error}") from error
        vector = found.astype(np.float64).ravel()
        if len(vector) < 2 or found.shape[0] != 1 or max(found.shape) != len(vector):
            raise InputError(
                f"--net {self.path}: computes {found.shape} for one image; give a network whose first output is one "
                "embedding per image"
            )
        if not np.isfinite(vector).all():
            raise InputError(
                f"--net {self.path}: computes NaN or infinity; check --net-mean and --net-std, or take another file"
            )
        return unit(vector)


def _layout(path: Path, shape: Sequence[Any], kind: str) -> tuple[bool, int]:
    """Reads whether the channels come last, and the side in pixels, from the shape of a network's input."""
    last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
    sides = (shape[1:3] if last else shape[2:4]) if len(shape) == 4 else []
    fixed = {side for side in sides if isinstance(side, int)}
    if len(shape) != 4 or (shape[3] if last else shape[1]) != 3 or len(fixed) > 1:
        raise InputError(
            f"--net {path}: its input is {list(shape)}; give a network that takes n 3 side side or n side side 3"
        )
    if isinstance(shape[0], int) and shape[0] > 1:
        raise InputError(
            f"--net {path}: takes {shape[0]} images at once; export it for one image, or for any number"
        )
    if kind not in KINDS and kind != "tensor(uint8)":
        raise InputError(f"--net {path}: its input is {kind}; give a network that takes floats or bytes")
    side = fixed.pop() if fixed else SIDE
    if not 8 <= side <= LARGEST:
        raise InputError(
            f"--net {path}: its input is {side} px wide; give a network that takes 8 to {LARGEST}"
        )
    return last, side


def build_network(settings: RecognitionSettings) -> FaceNetwork:
    """Builds the network that the settings name.

    Raises:
        MissingError: the file or a package is missing.
        InputError: the file is no embedding network.
    """
    if settings.net == "dlib":
        net = build_identity("dlib")
        assert isinstance(net, DlibIdentity), DLIB_FILE
        return DlibNetwork(net, settings.flip)
    path = Path(settings.net)
    if not path.is_file():
        raise MissingError(f"--net {path}: no such file; give an embedding network as .onnx, or dlib")
    if find_spec("onnxruntime") is None:
        raise MissingError(f"--net {path}: needs onnxruntime: {install_line('onnx')}")
    return OnnxNetwork(
        path,
        channels=settings.net_channels,
        mean=settings.net_mean,
        std=settings.net_std,
        margin=settings.net_margin,
        flip=settings.flip,
    )
