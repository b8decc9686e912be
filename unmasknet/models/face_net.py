"""The distance of two people's faces to a network that knows people, as a loss: is it still the same person?"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from maskgen.errors import MissingError
from unmasknet.maps import ImageBatch
from unmasknet.models.onnx_layers import OnnxLayers
from unmasknet.settings import GanLossSettings

# Where gen-data's crops have what a face network is shown, as shares of the side: the square in which eyes and corners
# of the mouth lie nearest to where ArcFace's chips have them. Mean of 1,200 crops of LFW and UTKFace, eyes within .007.
FACE_LEFT, FACE_TOP, FACE_SIDE = 0.127, 0.068, 0.742


class FaceNet(nn.Module):
    """A fixed face network from an ONNX file that takes aligned RGB in [-1, 1], as ArcFace's do."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.net = OnnxLayers(path)
        self.name = path.name
        self.eval()

    def train(self, mode: bool = True) -> "FaceNet":  # noqa: ARG002 (it never trains)
        """Stays as it is."""
        return super().train(False)

    def embed(self, pictures: ImageBatch) -> Float[Tensor, "b d"]:
        """Vectors of length 1 of the faces in gen-data's square crops, RGB in [0, 1]."""
        found: Tensor = self.net(2 * face_chips(pictures, self.net.side) - 1)
        return normalize(found.flatten(1), dim=1)

    def forward(self, pictures: ImageBatch, truth: ImageBatch) -> Float[Tensor, " b"]:
        """Computes 1 - cosine of the embeddings of result and truth, in [0, 2], 0 for equal images."""
        with torch.no_grad():
            wanted = self.embed(truth)
        return 1 - (self.embed(pictures) * wanted).sum(1)


def face_chips(pictures: ImageBatch, side: int) -> Float[Tensor, "b 3 {side} {side}"]:
    """Crops the face from gen-data's square crops and scales it, without aliasing.

    A crop that was turned or shifted at random gives a chip a little off; result and truth are off alike.
    """
    size = pictures.shape[-1]
    left, top, width = (round(share * size) for share in (FACE_LEFT, FACE_TOP, FACE_SIDE))
    face = pictures[:, :, top : top + width, left : left + width]
    return interpolate(face, (side, side), mode="bilinear", antialias=True, align_corners=False)


def build_face_net(settings: GanLossSettings) -> FaceNet | None:
    """Builds the face network of the settings; None if none is wanted.

    Raises:
        MissingError: the file, or the package that reads it, is not there. InputError: it is no such network.
    """
    if not settings.identity:
        return None
    path = Path(settings.identity_net)
    if not path.is_file():
        raise MissingError(
            f"loss.identity_net: {settings.identity_net or 'none is given'}: there is no such file; give a face "
            "network as .onnx, or --set loss.identity=0"
        )
    return FaceNet(path)
