"""A photo's bytes out of a request: the right kind, no more than allowed, not too slow."""

import asyncio

from fastapi import HTTPException, Request

from unmasknet.serve.admission import AdmissionSlot, Full

KINDS = ("image/", "application/octet-stream")
CLOSE = {"Connection": "close"}  # what is left of a refused body is not read
LATER = {"Retry-After": "2"}  # seconds


def busy() -> HTTPException:
    """Builds the answer for when there is no place."""
    return HTTPException(429, "too many photos at once; try again in a moment", LATER | CLOSE)


async def read_photo(request: Request, place: AdmissionSlot, limit: int, seconds: float) -> bytes:
    """Reads the body.

    Args:
        request: with a photo as its body, no form around it.
        place: what its bytes are held by.
        limit: bytes, the most.
        seconds: the longest that it may take.

    Raises:
        HTTPException: 400 the wrong kind, or nothing; 408 too slow; 413 too large; 429 no room.
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
