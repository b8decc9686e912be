"""Jobs of the decoder process, one for each kind of image that people hand over."""

from typing import Any

from numpy import ndarray

from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.images.map_reader import read_map

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
        width, height = job["size"]
        return read_map(data, max_pixels=job["max_pixels"], height=height, width=width)
    return codecs.decode(data, max_pixels=job["max_pixels"], background=job["background"])
