"""Encoding of results, with a note in their metadata that a part of the image is synthetic."""

import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from maskgen.images.formats import HEAD_BYTES, picture_format
from maskgen.types import Plane, RGBImage

NOTE = "synthetic: a network invented what a mask covered; it is not what the person looks like"
NOTE_BY_REFERENCE = (
    "synthetic: restored from a reference: what a mask covered is taken from another photo and fitted to this one; it "
    "is not what the mask hid"
)
SOFTWARE = "unmask"
QUALITY = 95  # of JPEG and WebP results
# IPTC's term for images that are partly made by a trained model
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">NOTE'
    "</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
)
IMAGE_DESCRIPTION, SOFTWARE_TAG = 0x010E, 0x0131
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}  # all others become PNG
SUFFIX_OF = {
    "jpeg": ".jpg",
    "webp": ".webp",
    "tiff": ".tif",
}  # where a name has another suffix, such as `.jpg_large`


def note_of(by_reference: bool) -> str:
    """Returns the note for a result that was, or was not, restored by a reference."""
    return NOTE_BY_REFERENCE if by_reference else NOTE


def result_suffix(suffix: str, data: bytes) -> str:
    """Returns the suffix of a restored photo: that of its source if its format can carry the note, else `.png`.

    Args:
        suffix: of the source's name.
        data: the source's bytes, which decide if the name does not.
    """
    if suffix.lower() in FORMATS:
        return suffix.lower()
    return SUFFIX_OF.get(picture_format(data[:HEAD_BYTES]), ".png")


def encode_result(picture: RGBImage | Plane, suffix: str, profile: bytes = b"", note: str = NOTE) -> bytes:
    """Encodes a restored image with the note in its metadata, without any other metadata but the colour profile.

    Args:
        picture: RGB or grey.
        suffix: as `result_suffix` returns it.
        profile: ICC profile of the photo, for an RGB result: without it, all colours would change.
        note: as `note_of` returns it.
    """
    image, out = Image.fromarray(np.ascontiguousarray(picture)), io.BytesIO()
    kind, icc = FORMATS.get(suffix, "PNG"), profile or None
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION], exif[SOFTWARE_TAG] = note, SOFTWARE
    xmp = XMP.replace("NOTE", note)
    if kind == "JPEG":
        image.save(out, kind, quality=QUALITY, subsampling=0, exif=exif, xmp=xmp.encode(), icc_profile=icc)
    elif kind == "WEBP":
        image.save(out, kind, quality=QUALITY, exif=exif, xmp=xmp.encode(), icc_profile=icc)
    elif kind == "TIFF":
        image.save(
            out,
            kind,
            compression="tiff_deflate",
            icc_profile=icc,
            tiffinfo={IMAGE_DESCRIPTION: note, SOFTWARE_TAG: SOFTWARE},
        )
    else:
        text = PngInfo()
        text.add_text("Description", note)
        text.add_text("Software", SOFTWARE)
        text.add_itxt("XML:com.adobe.xmp", xmp)
        image.save(out, "PNG", pnginfo=text, compress_level=3, icc_profile=icc)
    return out.getvalue()
