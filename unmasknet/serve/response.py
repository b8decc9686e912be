"""What became of a photo, as JSON with the pictures in it: nothing is kept here that could be asked for later."""

import base64

import cv2
from pydantic import BaseModel, Field

from maskgen.images import codecs
from maskgen.types import Plane, RGBImage
from unmasknet.restore.provenance import encode_result
from unmasknet.restore.unmasker import Restored

INVENTED = (
    "What lies under the mask is invented. It is not how the person looks. Do not use it to tell who it is."
)
HEAD = 16  # bytes that tell a format
JPEG_FROM = 4_000_000  # pixels; a larger picture as PNG takes seconds and tens of megabytes


class FaceAnswer(BaseModel):
    """A face of the photo."""

    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1 in the photo's pixels")
    score: float = Field(description="how sure the detector is, 0-1")
    masked: bool = Field(description="whether a mask was seen on it")


class Answer(BaseModel):
    """What became of a photo. Pictures are data: addresses, of the photo's size."""

    note: str = Field(description="what must be known of the pictures")
    said: str = Field(description="what was done, or why nothing was")
    width: int
    height: int
    faces: list[FaceAnswer] = Field(description="all that were found, largest first")
    before: str = Field(description="the photo, upright")
    pictures: list[str] = Field(description="the result, and further samples; empty where nothing was done")
    map: str = Field(description="grey PNG: 255 mask, 64 changed around it for the seam, 0 untouched")
    disagreement: str = Field(
        description="grey PNG: how far the samples differ, in grey levels; empty with one"
    )
    seconds: float


def answer_of(photo: RGBImage, restored: Restored, seconds: float) -> Answer:
    """Builds the answer from a result; `seconds`: how long it took."""
    height, width = photo.shape[:2]
    several = len(restored.alternatives) > 1
    return Answer(
        note=INVENTED,
        said=restored.said,
        width=width,
        height=height,
        faces=[FaceAnswer(box=face.box, score=face.score, masked=face.masked) for face in restored.faces],
        before=_address(encode_plain(photo)),
        pictures=[_address(encode_result(picture, _suffix(picture))) for picture in restored.alternatives],
        map=_address(_grey(restored.map)),
        disagreement=_address(_grey(restored.disagreement)) if several else "",
        seconds=round(seconds, 3),
    )


def encode_plain(photo: RGBImage) -> bytes:
    """Encodes the photo as it was given, without a note: nothing of it is invented."""
    return codecs.encode_jpeg(photo, 95) if _suffix(photo) == ".jpg" else codecs.encode_lossless(photo, "png")


def _suffix(picture: RGBImage) -> str:
    return ".jpg" if picture.shape[0] * picture.shape[1] > JPEG_FROM else ".png"


def _grey(plane: Plane) -> bytes:
    done, encoded = cv2.imencode(".png", plane)
    assert done
    return encoded.tobytes()


def _address(data: bytes) -> str:
    kind = codecs.picture_format(data[:HEAD])
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
