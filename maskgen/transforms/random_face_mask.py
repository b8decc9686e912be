"""Transform that puts masks on the faces of an image with a probability, for training loops of any framework."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from maskgen.config import wrong_arguments
from maskgen.errors import Skip, UsageError
from maskgen.faces.landmarks.cache import fingerprint
from maskgen.faces.landmarks.given_points import Points, read_points
from maskgen.rendering.triplet import Tools, wear_masks
from maskgen.seeds import hash64
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings
from maskgen.transforms.chance import MOST, Chance, Draw, whole_number
from maskgen.transforms.counts import MASKED, UNMASKED, OutcomeCounts
from maskgen.transforms.face_source import OWN_SOURCES, FaceSource, Landmarks
from maskgen.transforms.memory import Seen, SubjectMemory, digest_of, digest_with
from maskgen.transforms.pixels import OpenImage, open_image
from maskgen.transforms.scene import light_up, set_scene
from maskgen.transforms.shared_tools import shared_tools
from maskgen.types import Plane, RGBImage, Triplet, WornMask


@dataclass(frozen=True)
class MaskedImage:
    """Result of `RandomFaceMask` with `return_map`.

    Attributes:
        image: the image, of the kind that was given.
        map: 1 in every pixel that a mask changed, shadow and straps included, else 0; uint8 of shape (h, w), a tensor
            if the image is one.
        parts: 0 unchanged, 1 shadow only, 2 strap, 3 mask; likewise.
        masks: labels of the faces that were to wear a mask, largest first; the family of a bare one is "bare". Empty if
            the image was left alone.
    """

    image: Any
    map: Any
    parts: Any
    masks: tuple[WornMask, ...]


class RandomFaceMask:
    """Transform that puts masks on the faces of an image with the probability `p`.

    The image may be a Pillow image, a NumPy array or a torch tensor, and the result is of the same kind. An image that
    gets no mask is returned as it is, the same object: by chance, or because no face was found that can wear one;
    `counts` says how often. Only a wrong use raises an error.

    With `set_epoch`, or with `index`, the mask is a function of seed, epoch and index, or of the image's content where
    no index is given: the same in any number of workers, forked or spawned, in any order. Without both, each call draws
    anew. Several threads may call one transform.

    Args:
        masks: SPEC, as `--masks` takes it.
        wear: WEAR, as `--wear` takes it.
        p: probability that an image gets masks.
        seed: seed of all random choices.
        landmarks: where landmarks come from if a call gives none. "auto", "mesh", "dlib" or "fan": the detector of that
            name, whose results are cached. "arcface": the image is a square crop aligned to the template of ArcFace, so
            the points are known. "keypoints": from the key points of the sample; for the torchvision and Albumentations
            transforms.
        refine: where only five points are known, the template's or given ones, predict the face's mesh by the network,
            which suits turned heads better; cached.
        faces: "largest", or "all" faces that are found and suit a mask.
        cache: folder of the landmark cache; "auto": the user's cache folder; "off": only memory.
        return_map: return a `MaskedImage` instead of the image.

    Raises:
        UsageError: an argument has a value that is not allowed.
        InputError: SPEC or WEAR cannot be used.
        MissingError: the landmark backend is not installed.
    """

    def __init__(
        self,
        masks: str = MaskSettings().masks,
        wear: str = "correct",
        p: float | int = 0.3,
        seed: int = 0,
        *,
        landmarks: Landmarks = "auto",
        refine: bool = False,
        faces: str = "largest",
        cache: str = "auto",
        return_map: bool = False,
    ) -> None:
        self.p, self.return_map, self.landmarks = _probability(p), return_map, landmarks
        self._settings = _settings(masks, wear, landmarks, faces, cache)
        self._chance = Chance(min(whole_number("seed", seed), MOST))
        self._counts = OutcomeCounts()
        self._source = FaceSource(landmarks, refine, self._settings.faces)
        self._memory = SubjectMemory()
        self._tools: Tools | None = shared_tools(
            self._settings
        )  # here, so that forked workers share the templates

    def __call__(self, image: Any, *others: Any, landmarks: Any = None, index: Any = None) -> Any:
        """Puts masks on an image, or leaves it as it is.

        Args:
            image: a Pillow image of mode RGB or L; a NumPy array (h, w, 3), (h, w, 1) or (h, w); or a tensor (3, h, w)
                or (1, h, w). Arrays and tensors are uint8, or floats from 0 to 1.
            landmarks: of one face or of several, in pixels of the image: 5 points (of a pair, first the left one as
                seen: eyes, nose, corners of the mouth), 68 of iBUG's scheme, or 468 of MediaPipe's, each (x, y) or
                (x, y, z). Points of a mirrored face may keep their order.
            index: number of the image in its data set, or None.

        Returns:
            The image; with `return_map` a `MaskedImage`.

        Raises:
            InputError: the image, or the landmarks, are of no kind that is supported.
            UsageError: the index is none, or there is more than an image.
        """
        if others:
            raise UsageError(
                f"RandomFaceMask: got {1 + len(others)} values; it takes one image. TorchvisionFaceMask takes samples"
            )
        content = self.needs_content and index is None
        opened = open_image(image) if content else None
        draw = self.draw(opened, index)
        made = self.wear(opened or open_image(image), draw, landmarks) if draw else None
        if not self.return_map:
            return image if made is None or made.image is None else made.image
        if made is None or made.image is None:
            opened = opened or open_image(image)
            empty = opened.plane(np.zeros(opened.pixels.shape[:2], np.uint8))
            return MaskedImage(image, empty, empty, made.masks if made else ())
        return made

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, of which all draws are a function from now on, in workers that run already too.

        Args:
            epoch: 0 or more; call it before each pass over the data, as `DistributedSampler.set_epoch`.

        Raises:
            UsageError: it is no whole number, or negative.
        """
        self._chance.set_epoch(epoch)

    @property
    def counts(self) -> dict[str, int]:
        """Number of images by outcome, in all workers: "masked", "unmasked" by chance, or why a face got no mask."""
        return self._counts.as_dict()

    @property
    def needs_content(self) -> bool:
        """Whether a draw without an index needs the image."""
        return self._chance.needs_content

    def draw_seed(self, index: Any) -> int:
        """Returns the seed of the masks of an image, without the draw whether it gets any.

        Args:
            index: number of the image in its data set.

        Raises:
            UsageError: it is no whole number, or negative.
        """
        return self._chance.draw(index).seed

    def draw(self, opened: OpenImage | None, index: Any) -> Draw | None:
        """Draws whether an image gets masks, and counts it if not.

        Args:
            opened: the image; None if its content does not matter.
            index: number of the image in its data set, or None.

        Returns:
            The draw; None if the image is left as it is.
        """
        draw = self._chance.draw(index, fingerprint(opened.pixels) if opened else "")
        if draw.share < self.p:
            return draw
        self._counts.add(UNMASKED)
        return None

    def wear(self, opened: OpenImage, draw: Draw, landmarks: Any) -> MaskedImage:
        """Puts masks on an image, and counts it.

        Args:
            opened: the image.
            draw: seed of the masks.
            landmarks: as in a call.

        Returns:
            The result; its `image` is None if nothing changed.
        """
        made = self._masked(opened.pixels, draw.seed, landmarks)
        if isinstance(made, Skip):
            self._counts.add(made.reason)
            return MaskedImage(None, None, None, ())
        masks = tuple(face.mask for face in made.faces)
        if made.is_bare:
            self._counts.add(UNMASKED)
            return MaskedImage(None, None, None, masks)
        self._counts.add(MASKED)
        image = opened.rebuild(made.masked, made.map)
        return MaskedImage(image, opened.plane(made.map), opened.plane(made.parts), masks)

    def _masked(self, pixels: RGBImage, seed: int, landmarks: Any) -> Triplet | Skip:
        points = None if landmarks is None else read_points(landmarks)
        digest = digest_of(pixels)
        key = digest if points is None else digest_with(digest, points)
        tools = self._loaded()
        subjects = self._memory.find(key, lambda: self._look(pixels, digest, points, tools))
        if isinstance(subjects, Skip):
            return subjects
        stages = set_scene(pixels, subjects)
        return wear_masks(stages, tools, [hash64(seed, nth) >> 1 for nth in range(len(stages))])

    def _look(self, pixels: RGBImage, digest: str, points: list[Points] | None, tools: Tools) -> Seen:
        """Finds the faces of an image, and estimates the light on them."""
        faces = self._source.find(pixels, digest, points)
        return faces if isinstance(faces, Skip) else light_up(pixels, faces, tools)

    def _loaded(self) -> Tools:
        if self._tools is None:
            self._tools = shared_tools(self._settings)
        return self._tools

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_tools": None}

    def __repr__(self) -> str:
        masks = self._settings.masks
        return (
            f"{type(self).__name__}(masks={masks.masks!r}, wear={masks.wear!r}, p={self.p:g}, "
            f"seed={self._chance.seed}, landmarks={self.landmarks!r})"
        )


def covered(parts: Plane) -> Any:
    """Finds the pixels of which a mask or a strap, and not only its shadow, covers most."""
    return parts >= 2


def mask_label(value: int | None) -> int | None:
    """Checks the label that pixels under a mask get in a segmentation mask.

    Raises:
        UsageError: it is neither None nor a whole number from 0 on.
    """
    return None if value is None else whole_number("mask_value", value)


def _probability(p: Any) -> float:
    try:
        share = float(p)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"p: must be a number from 0 to 1; got {p!r:.80}")
    return share


def _settings(masks: str, wear: str, landmarks: str, faces: str, cache: str) -> GenSettings:
    backend = "auto" if landmarks in OWN_SOURCES else landmarks
    try:
        return GenSettings(
            faces=FaceSettings.model_validate({"landmarks": backend, "choose": faces, "cache": cache}),
            crop=CropSettings(size=0),
            masks=MaskSettings(masks=masks, wear=wear),
        )
    except ValidationError as errors:
        raise wrong_arguments("RandomFaceMask", errors) from errors
