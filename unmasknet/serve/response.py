"""Response for a photo: JSON that contains the images, because the server stores nothing."""

import base64

import cv2
from pydantic import BaseModel, Field

from maskgen.images import codecs
from maskgen.images.formats import picture_format
from maskgen.types import Plane, RGBImage
from unmasknet.restore.provenance import encode_result, note_of
from unmasknet.restore.unmasker import Restored

INVENTED = (
    "What lies under the mask is invented. It is not how the person looks. Do not use it to tell who it is."
)
BY_REFERENCE = (
    "What lies under the mask is taken from another photo and fitted to this one. It is not what the mask hid. Do not "
    "use it to tell who it is."
)
HEAD = 16  # bytes that identify an image format
JPEG_FROM = 4_000_000  # pixels; as PNG, larger images would take seconds and tens of megabytes


class FaceAnswer(BaseModel):
    """Face of the photo."""

    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1 in the photo's pixels")
    score: float = Field(description="confidence of the face detector, 0-1; 0 if only the given map shows it")
    masked: bool = Field(description="whether it has a mask")


class Answer(BaseModel):
    """Result for a photo. Images are `data:` URLs and have the size of the photo."""

    note: str = Field(description="what must be known about the images")
    said: str = Field(description="what was done, or why nothing was done")
    width: int
    height: int
    faces: list[FaceAnswer] = Field(description="all faces found, largest first")
    before: str = Field(description="the photo, upright")
    pictures: list[str] = Field(description="the result, and further samples; empty if nothing was done")
    map: str = Field(description="grey PNG: 255 mask, 64 changed around it for the seam, 0 unchanged")
    disagreement: str = Field(
        description="grey PNG: standard deviation of the samples, in grey levels; empty with one sample"
    )
    by_reference: bool = Field(description="whether a face was restored by the reference")
    warnings: list[str] = Field(
        description="lines about the reference, such as that nothing checked whose photo it is"
    )
    seconds: float


def answer_of(photo: RGBImage, restored: Restored, seconds: float) -> Answer:
    """Builds the response from a result; `seconds`: processing time."""
    height, width = photo.shape[:2]
    several = len(restored.alternatives) > 1
    note = note_of(restored.by_reference)
    return Answer(
        note=BY_REFERENCE if restored.by_reference else INVENTED,
        said=restored.said,
        width=width,
        height=height,
        faces=[FaceAnswer(box=face.box, score=face.score, masked=face.masked) for face in restored.faces],
        before=_address(encode_plain(photo)),
        pictures=[
            _address(encode_result(picture, _suffix(picture), note=note)) for picture in restored.alternatives
        ],
        map=_address(_grey(restored.map)),
        disagreement=_address(_grey(restored.disagreement)) if several else "",
        by_reference=restored.by_reference,
        warnings=list(restored.warnings),
        seconds=round(seconds, 3),
    )


def encode_plain(photo: RGBImage) -> bytes:
    """Encodes the photo as given, without the note: no part of it is invented."""
    return codecs.encode_jpeg(photo, 95) if _suffix(photo) == ".jpg" else codecs.encode_lossless(photo, "png")


def _suffix(picture: RGBImage) -> str:
    return ".jpg" if picture.shape[0] * picture.shape[1] > JPEG_FROM else ".png"


def _grey(plane: Plane) -> bytes:
    done, encoded = cv2.imencode(".png", plane)
    assert done
    return encoded.tobytes()


def _address(data: bytes) -> str:
    kind = picture_format(data[:HEAD])
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
