"""Reading of a photo from a request, with limits on type, size and time."""

import asyncio

from fastapi import HTTPException, Request

from unmasknet.serve.admission import AdmissionSlot, Full

KINDS = ("image/", "application/octet-stream")
CLOSE = {"Connection": "close"}  # the rest of a refused body is not read
LATER = {"Retry-After": "2"}  # seconds


def busy() -> HTTPException:
    """Builds the response for when there is no free slot or no room."""
    return HTTPException(429, "too many photos at once; try again in a moment", LATER | CLOSE)


async def read_photo(request: Request, place: AdmissionSlot, limit: int, seconds: float) -> bytes:
    """Reads the body of a request.

    Args:
        request: with the bytes of a photo as its body, not a form.
        place: slot of the request, in which the bytes are counted.
        limit: largest size in bytes.
        seconds: longest time that the body may take to arrive.

    Raises:
        HTTPException: 400 wrong type or empty; 408 too slow; 413 too large; 429 no room.
    """
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(KINDS):
        raise HTTPException(400, "send the photo itself, with a Content-Type of image/...", CLOSE)
    if _declared(request) > limit:
        raise _too_large(limit)
    try:
        data = await asyncio.wait_for(_collect(request, place, limit), seconds)
    except asyncio.TimeoutError:
        raise HTTPException(408, f"the photo took longer than {seconds:g} s to arrive", CLOSE) from None
    except Full:
        raise busy() from None
    if not data:
        raise HTTPException(400, "the request holds no photo", CLOSE)
    return data


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isdecimal() else 0


async def _collect(request: Request, place: AdmissionSlot, limit: int) -> bytes:
    place.hold(_declared(request))
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            raise _too_large(limit)
        place.hold(max(place.held, len(data)))
    return bytes(data)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the photo is larger than {limit / 1e6:g} MB", CLOSE)
