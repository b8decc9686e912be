"""Jobs of the decoder process, one for each kind of image that people hand over."""

from typing import Any

import cv2
import numpy as np
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.types import Plane

Job = dict[str, Any]


def photo_job(max_pixels: int, background: int) -> Job:
    """Builds the job that decodes a photo as `codecs.decode` does."""
    return {"what": "photo", "max_pixels": max_pixels, "background": background}


def map_job(max_pixels: int, height: int, width: int) -> Job:
    """Builds the job that reads the map of a photo with `height` x `width` pixels: 1 where a mask is, else 0."""
    return {"what": "map", "max_pixels": max_pixels, "size": [width, height]}


def read_image(job: Job, data: bytes) -> ndarray | Skip:
    """Decodes an image in the child process, as its job says."""
    if job["what"] == "map":
        return _read_map(data, job["max_pixels"], tuple(job["size"]))
    return codecs.decode(data, max_pixels=job["max_pixels"], background=job["background"])


def _read_map(data: bytes, max_pixels: int, size: tuple[int, int]) -> Plane | Skip:
    picture = codecs.decode(data, max_pixels=max_pixels, background=0)
    if isinstance(picture, Skip):
        return picture
    plane = picture.max(2)
    if plane.shape != size[::-1]:
        plane = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    return (plane > 127).astype(np.uint8)
