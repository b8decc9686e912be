"""Identity loss: distance of two faces in the embedding of a fixed face recognition network."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from maskgen.errors import MissingError
from unmasknet.maps import ImageBatch
from unmasknet.models.onnx_layers import OnnxLayers
from unmasknet.settings import GanLossSettings

# Input square of a face network in gen-data's crops, as fractions of the side: the square in which eyes and corners of
# the mouth are nearest to their positions in ArcFace's chips. Mean of 1,200 crops of LFW and UTKFace, eyes within .007.
FACE_LEFT, FACE_TOP, FACE_SIDE = 0.127, 0.068, 0.742


class FaceNet(nn.Module):
    """Fixed face network from an ONNX file that takes aligned RGB in [-1, 1], as ArcFace networks do."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.net = OnnxLayers(path)
        self.name = path.name
        self.eval()

    def train(self, mode: bool = True) -> "FaceNet":  # noqa: ARG002 (it never trains)
        """Stays in evaluation mode."""
        return super().train(False)

    def embed(self, pictures: ImageBatch) -> Float[Tensor, "b d"]:
        """Computes embeddings of length 1 of the faces in gen-data's square crops, RGB in [0, 1]."""
        found: Tensor = self.net(2 * face_chips(pictures, self.net.side) - 1)
        return normalize(found.flatten(1), dim=1)

    def forward(self, pictures: ImageBatch, truth: ImageBatch) -> Float[Tensor, " b"]:
        """Computes 1 - cosine similarity of the embeddings of result and truth, in [0, 2]; 0 for equal images."""
        with torch.no_grad():
            wanted = self.embed(truth)
        return 1 - (self.embed(pictures) * wanted).sum(1)


def face_chips(pictures: ImageBatch, side: int) -> Float[Tensor, "b 3 {side} {side}"]:
    """Crops the face from gen-data's square crops and scales it, without aliasing.

    The random rotation or shift of a crop also displaces its chip, for result and truth in the same way.
    """
    size = pictures.shape[-1]
    left, top, width = (round(fraction * size) for fraction in (FACE_LEFT, FACE_TOP, FACE_SIDE))
    face = pictures[:, :, top : top + width, left : left + width]
    return interpolate(face, (side, side), mode="bilinear", antialias=True, align_corners=False)


def build_face_net(settings: GanLossSettings) -> FaceNet | None:
    """Builds the face network of the settings; returns None if the identity loss is off.

    Raises:
        MissingError: the file, or the package that reads it, is missing.
        InputError: the file is not a supported network.
    """
    if not settings.identity:
        return None
    path = Path(settings.identity_net)
    if not path.is_file():
        raise MissingError(
            f"loss.identity_net: {settings.identity_net or 'not given'}: there is no such file; give a face "
            "network as .onnx, or --set loss.identity=0"
        )
    return FaceNet(path)
