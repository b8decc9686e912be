"""Reading of a request: a photo, perhaps a map and a reference, with limits on type, size and time.

Nothing goes to a disk.
"""

import asyncio
import logging
from dataclasses import dataclass

from fastapi import HTTPException, Request
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from unmasknet.serve.admission import AdmissionSlot, Full

KINDS = ("image/", "application/octet-stream")
FORM = "multipart/form-data"
FIELDS = ("photo", "map", "reference")
ONE_EACH = "a form holds one file `photo` and, if wanted, one file `map` and one file `reference`"
FORM_BYTES = 1 << 14  # of a form beside its files: headers and boundaries
HEADER_BYTES = 4096  # of the name or the value of one header of a form
CLOSE = {"Connection": "close"}  # the rest of a refused body is not read
LATER = {"Retry-After": "2"}  # seconds

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it prints what is wrong with a form


@dataclass(frozen=True)
class Upload:
    """Files of a request, as bytes; None where there is none."""

    photo: bytes
    map: bytes | None = None
    reference: bytes | None = None


def join_queue(slot: AdmissionSlot) -> None:
    """Takes a place in the queue for a request whose body has arrived.

    Raises:
        HTTPException: 429, the queue is full.
    """
    try:
        slot.join_queue()
    except Full:
        raise _busy() from None


def _busy() -> HTTPException:
    return HTTPException(429, "too many photos at once; try again in a moment", LATER | CLOSE)


class PlainBody:
    """Body that is the photo itself.

    `files`: the bytes that have arrived, by the name of their field; `ended`: whether it can be complete.
    """

    ended = True

    def __init__(self) -> None:
        self.files = {"photo": bytearray()}

    def write(self, data: bytes) -> None:
        """Takes the next bytes."""
        self.files["photo"] += data


class FormBody:
    """Body that is a form with the files `photo` and, if wanted, `map` and `reference`.

    `files` as in `PlainBody`; `ended`: whether the boundary that ends a form has arrived.
    """

    def __init__(self, boundary: bytes) -> None:
        self.ended = False
        self.files: dict[str, bytearray] = {}
        self._header, self._value, self._into = b"", b"", bytearray()
        self.write = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._read_header,
                "on_header_value": self._read_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_field,
                "on_part_data": self._read_data,
                "on_end": self._end,
            },
        ).write

    def _begin_part(self) -> None:
        self._name = b""

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        _check_header(self._header)

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        _check_header(self._value)

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name", b"")
        self._header = self._value = b""

    def _open_field(self) -> None:
        name = self._name.decode("latin-1")
        if name not in FIELDS or name in self.files:
            raise HTTPException(400, ONE_EACH, CLOSE)
        self._into = self.files[name] = bytearray()

    def _read_data(self, data: bytes, start: int, end: int) -> None:
        self._into += data[start:end]

    def _end(self) -> None:
        self.ended = True


def _check_header(text: bytes) -> None:
    if len(text) > HEADER_BYTES:
        raise ValueError("a header is too long")


async def read_upload(request: Request, slot: AdmissionSlot, limit: int, seconds: float) -> Upload:
    """Reads the body of a request: a photo, or a form with a photo and perhaps a map and a reference.

    Args:
        request: of a client.
        slot: of the request, in which the bytes that have arrived are counted.
        limit: largest size in bytes of each file.
        seconds: longest time that the body may take to arrive.

    Returns:
        The bytes of the files.

    Raises:
        HTTPException: 400 wrong type, empty, or the client has left; 408 too slow; 413 too large; 429 no room.
    """
    body, most = _body_of(request, limit)
    if _declared(request) > most:
        raise _too_large(limit)
    try:
        await asyncio.wait_for(_collect(request, slot, body, most), seconds)
    except asyncio.TimeoutError:
        raise HTTPException(408, f"the photo took longer than {seconds:g} s to arrive", CLOSE) from None
    except Full:
        raise _busy() from None
    except ClientDisconnect:
        raise HTTPException(400, "the client has disconnected", CLOSE) from None
    except ValueError:
        raise HTTPException(400, "the form cannot be read", CLOSE) from None
    if not body.ended:
        raise HTTPException(400, "the form is cut: its last boundary is missing", CLOSE)
    files = {name: bytes(data) for name, data in body.files.items()}
    if not files.get("photo"):
        raise HTTPException(400, "the request holds no photo", CLOSE)
    if max(len(data) for data in files.values()) > limit:
        raise _too_large(limit)
    return Upload(**files)


def _body_of(request: Request, limit: int) -> tuple[PlainBody | FormBody, int]:
    """Returns an empty body of the request's content type, and the largest number of bytes that it may have."""
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith(KINDS):
        return PlainBody(), limit
    form, options = parse_options_header(kind)
    boundary = options.get(b"boundary", b"")
    if form.decode("latin-1").lower() != FORM or not 0 < len(boundary) <= 70:  # as RFC 2046 has it
        raise HTTPException(
            400,
            "send the photo itself, with a Content-Type of image/..., or a form with the files photo, map and "
            "reference",
            CLOSE,
        )
    return FormBody(boundary), len(FIELDS) * limit + FORM_BYTES


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isdecimal() else 0


async def _collect(request: Request, slot: AdmissionSlot, body: PlainBody | FormBody, most: int) -> None:
    arrived = 0
    async for part in request.stream():
        arrived += len(part)
        if arrived > most:
            raise _too_large(most)
        slot.hold(arrived)
        body.write(part)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the photo is larger than {limit / 1e6:g} MB", CLOSE)
