"""The note that every restored picture carries in its metadata: what lies under the mask is invented.

Said in words and in the terms of the IPTC, which programs read: a photo with a part that a trained network made.
"""

import struct
import zlib

SYNTHETIC = (
    "Synthetic: what lies under the mask is invented. It is not how the person looks and must not be used to tell who "
    "it is."
)
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE}"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">{SYNTHETIC}'
    '</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
XMP_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
PNG_HEAD = 33  # bytes of signature and header


def marked(data: bytes) -> bytes:
    """A PNG or JPEG that we encoded, with the note."""
    if data.startswith(b"\x89PNG"):
        text = _chunk(b"tEXt", b"Comment\0" + SYNTHETIC.encode("latin-1"))
        xmp = _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode())
        return data[:PNG_HEAD] + text + xmp + data[PNG_HEAD:]
    assert data.startswith(b"\xff\xd8"), "only PNG and JPEG are marked"
    return data[:2] + _segment(0xE1, XMP_JPEG + XMP.encode()) + _segment(0xFE, SYNTHETIC.encode()) + data[2:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body
