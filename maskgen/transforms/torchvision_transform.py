"""Transform of torchvision's v2 API: puts masks on the image of a sample, and leaves all else as it is.

The only module of maskgen that imports torchvision, on the first use of `TorchvisionFaceMask`.
"""

from typing import Any

import numpy as np
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms.v2 import Transform

from maskgen.errors import InputError
from maskgen.faces.landmarks.given_points import COUNTS
from maskgen.transforms.chance import Draw
from maskgen.transforms.pixels import is_tensor, open_image
from maskgen.transforms.random_face_mask import MaskedImage, RandomFaceMask, covered, mask_label


class TorchvisionFaceMask(Transform):  # type: ignore[misc]
    """Version of `RandomFaceMask` that `torchvision.transforms.v2.Compose` passes whole samples to.

    Of a sample, the image changes: a `tv_tensors.Image`, a Pillow image, or the first plain tensor where there is
    neither. Boxes, key points, labels and everything else are passed on untouched, and so are segmentation masks unless
    `mask_value` is given. Several images of one sample get the same draw; each is searched for its own face.

    Args:
        masks, wear, p, seed: as in `RandomFaceMask`.
        mask_value: label that the pixels under a mask get in the sample's `tv_tensors.Mask`; None leaves it as it is.
        options: the other arguments of `RandomFaceMask`, without `return_map`. With `landmarks="keypoints"`, the
            landmarks are the sample's `tv_tensors.KeyPoints` of shape (5, 2), (68, 2) or (468, 2), or
            (faces, 5, 2) and so on.

    Raises:
        UsageError: an argument has a value that is not allowed.
        InputError: SPEC or WEAR cannot be used.
    """

    def __init__(self, *arguments: Any, mask_value: int | None = None, **options: Any) -> None:
        super().__init__()
        self.mask_value = mask_label(mask_value)
        self._core = RandomFaceMask(*arguments, **options)

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch. See `RandomFaceMask.set_epoch`."""
        self._core.set_epoch(epoch)

    @property
    def counts(self) -> dict[str, int]:
        """Number of images by outcome. See `RandomFaceMask.counts`."""
        return self._core.counts

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draws for a sample. See torchvision's `Transform.make_params`."""
        images = [each for each in flat_inputs if _is_image(each)]
        if not images:
            return {}
        draw = self._core.draw(open_image(images[0]) if self._core.needs_content else None, None)
        if draw is None:
            return {}
        given = _landmarks(flat_inputs) if self._core.landmarks == "keypoints" else None
        return {"draw": draw, "made": [(each, self._wear(each, draw, given)) for each in images]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Returns the image with its masks, or another part of the sample. See torchvision's `Transform.transform`."""
        made = params.get("made", [])
        if isinstance(inpt, tv_tensors.Mask):
            return self._painted(inpt, made[0][1]) if made and self.mask_value is not None else inpt
        found = next((result.image for image, result in made if image is inpt), None)
        if found is None:
            return inpt
        return tv_tensors.wrap(found, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else found

    def extra_repr(self) -> str:
        """Describes the transform for `repr`."""
        return f"{self._core!r}, mask_value={self.mask_value}"

    def _wear(self, image: Any, draw: Draw, given: Any) -> MaskedImage:
        return self._core.wear(open_image(image), draw, given)

    def _painted(self, mask: Any, made: MaskedImage) -> Any:
        """Writes `mask_value` into a segmentation mask where a face mask or a strap covers the image."""
        if made.parts is None:
            return mask
        over = covered(np.asarray(made.parts))
        if tuple(mask.shape[-2:]) != over.shape or mask.numel() != over.size:
            raise InputError(
                f"mask_value: the sample's mask has the shape {tuple(mask.shape)}; it needs {over.shape}, one label "
                "per pixel"
            )
        painted = mask.clone()
        painted[mask.new_tensor(over).bool().expand(mask.shape)] = self.mask_value
        return tv_tensors.wrap(painted, like=mask)


def _is_image(value: Any) -> bool:
    plain = is_tensor(value) and not isinstance(value, tv_tensors.TVTensor)
    return plain or isinstance(value, (tv_tensors.Image, Image.Image))


def _landmarks(flat_inputs: list[Any]) -> Any:
    """Returns the key points of a sample that can be landmarks, or None."""
    points = [each for each in flat_inputs if isinstance(each, tv_tensors.KeyPoints)]
    return next((each for each in points if each.ndim > 1 and each.shape[-2] in COUNTS), None)
