"""Transform that Albumentations composes: the MIT line, which ended at 2.0.8, and AlbumentationsX.

Both packages are imported as `albumentations`, and their transforms draw parameters by different methods: the first
calls `get_params_dependent_on_data`; AlbumentationsX from 2.3 on refuses classes with that method and calls
`sample_parameters`. The only module of maskgen that imports them, on the first use of `AlbumentationsFaceMask`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import albumentations
import numpy as np
from numpy import ndarray

from maskgen.errors import InputError
from maskgen.faces.landmarks.given_points import COUNTS
from maskgen.transforms.chance import Draw
from maskgen.transforms.pixels import open_image
from maskgen.transforms.random_face_mask import MaskedImage, RandomFaceMask, covered, mask_label

_Base: Any = albumentations.ImageOnlyTransform


class AlbumentationsFaceMask(_Base):  # type: ignore[misc]
    """Version of `RandomFaceMask` that `albumentations.Compose` passes whole samples to.

    The image changes. Boxes and key points are passed on untouched, and so is the segmentation mask unless `mask_value`
    is given. `p` and all randomness are those of Albumentations: `Compose(..., seed=...)` decides. If a sample has an
    entry `index`, the mask is a function of `seed`, epoch and index instead; `p` stays Albumentations' own, so give
    `p=1` and leave faces bare by SPEC ("bare:.7, surgical:.3") to make that a function of the index too. An entry
    `landmarks` gives the landmarks of the image, before any other transform of the pipeline. Further images of a sample
    (`additional_targets`) get the same draw; each is searched for its own face.

    Args:
        masks, wear, p, seed: as in `RandomFaceMask`.
        mask_value: label that the pixels under a mask get in the sample's `mask`; None leaves it as it is.
        options: the other arguments of `RandomFaceMask`, without `return_map`. With `landmarks="keypoints"`, the
            landmarks are the sample's `keypoints`, in a format that begins with x, y: 5, 68 or 468 of them.

    Raises:
        UsageError: an argument has a value that is not allowed.
        InputError: SPEC or WEAR cannot be used.
    """

    def __init__(
        self, masks: str | None = None, wear: str = "correct", p: float | int = 0.3, seed: int = 0,
        mask_value: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        given = options if masks is None else {"masks": masks, **options}
        self._core = RandomFaceMask(wear=wear, p=p, seed=seed, **given)
        self.mask_value = mask_label(mask_value)  # before the base class asks for `targets`
        self._arguments = {**given, "wear": wear, "seed": seed, "mask_value": self.mask_value}
        super().__init__(p=p)

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch. See `RandomFaceMask.set_epoch`."""
        self._core.set_epoch(epoch)

    @property
    def counts(self) -> dict[str, int]:
        """Number of images by outcome. See `RandomFaceMask.counts`; those left out by `p` are not counted."""
        return self._core.counts

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """Functions that change the parts of a sample, by name."""
        found: dict[str, Callable[..., Any]] = {
            "image": self.apply,
            "bboxes": self.apply_to_places,  # named, or Compose warns that no transform takes them
            "keypoints": self.apply_to_places,
        }
        return found if self.mask_value is None else found | {"mask": self.apply_to_mask}

    def apply(self, img: ndarray, drawn: "_Drawn | None" = None, **_: Any) -> ndarray:
        """Returns the image with its masks."""
        if drawn is None:
            return img
        made = drawn.made
        if img is not drawn.image and not np.array_equal(img, drawn.image):  # another one, or a repeated draw
            made = self._core.wear(open_image(img), drawn.draw, drawn.landmarks)
        return img if made.image is None else made.image

    def apply_to_places(self, places: ndarray, **_: Any) -> ndarray:
        """Returns boxes or key points as they are."""
        return places

    def apply_to_mask(self, mask: ndarray, drawn: "_Drawn | None" = None, **_: Any) -> ndarray:
        """Writes `mask_value` into a segmentation mask where a face mask or a strap covers the image."""
        if drawn is None or drawn.made.parts is None:
            return mask
        over = covered(drawn.made.parts)
        if mask.shape[:2] != over.shape or mask.size != over.size:
            raise InputError(
                f"mask_value: the sample's mask has the shape {mask.shape}; it needs {over.shape}, one label per pixel"
            )
        painted = mask.copy()
        painted[over] = self.mask_value
        return painted

    if hasattr(_Base, "sample_parameters"):  # AlbumentationsX

        def sample_parameters(self, params: Any, data: Any, targets: Any, sampling: Any) -> Any:  # noqa: ARG002
            """Draws for a sample. See AlbumentationsX's `BasicTransform.sample_parameters`."""
            sampled = import_module("albumentations.core.transform_params").SampledParams
            return sampled(params=self._made(data, sampling.py_random.getrandbits(63)))

    else:

        def get_params_dependent_on_data(self, params: Any, data: Any) -> Any:  # noqa: ARG002
            """Draws for a sample. See Albumentations' `BasicTransform.get_params_dependent_on_data`."""
            return self._made(data, self.py_random.getrandbits(63))

    def _made(self, data: dict[str, Any], bits: int) -> dict[str, Any]:
        """Puts masks on the image of a sample; `bits` are random."""
        index = data.get("index")
        seed = bits if index is None else self._core.draw_seed(index)
        given = data.get("landmarks")
        if given is None and self._core.landmarks == "keypoints":
            given = _landmarks(data.get("keypoints"))
        image, draw = data["image"], Draw(0.0, seed)
        return {"drawn": _Drawn(image, draw, given, self._core.wear(open_image(image), draw, given))}

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        """Names the arguments that a description of the transform holds."""
        return tuple(self._arguments)

    def get_transform_init_args(self) -> dict[str, Any]:
        """Returns the arguments of which `albumentations.to_dict` and `save` make the transform anew."""
        return dict(self._arguments)


@dataclass(frozen=True)
class _Drawn:
    """Draw for a sample: the image that it was made for, the landmarks that were given, and the masked image."""

    image: ndarray
    draw: Draw
    landmarks: Any
    made: MaskedImage


def _landmarks(keypoints: Any) -> Any:
    """Returns the key points of a sample if they can be landmarks, or None."""
    if keypoints is None or len(keypoints) not in COUNTS:
        return None
    return [tuple(point[:2]) for point in keypoints]
