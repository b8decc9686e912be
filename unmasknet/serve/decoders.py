"""Decodes uploads in child processes with a deadline, so that no file can hold the server or the other clients."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastapi import HTTPException
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.images.decoder_jobs import Job, map_job, photo_job
from maskgen.images.decoder_process import READ, DecoderProcess
from maskgen.settings import MAX_PHOTO_PIXELS, PHOTO_BACKGROUND
from maskgen.types import Plane, RGBImage
from unmasknet.serve.fair_queue import FairQueue

UNREADABLE, STUCK, STOPPING = 400, 422, 503


class Decoders:
    """Pool of decoder processes. They are started when needed, and replaced when they hang or crash.

    Args:
        count: largest number of images that are decoded, or wait decoded, at once.
        seconds: longest time for one image.
        max_pixels: of the largest image.
        read: `module:function` that decodes.
    """

    def __init__(self, count: int, seconds: float, max_pixels: int, read: str = READ) -> None:
        self.seconds, self.max_pixels, self.read = seconds, max_pixels, read
        self._threads = ThreadPoolExecutor(count, "decode")  # one waits for each process
        self.places = FairQueue(count)  # of images that are decoded, or wait decoded
        self._idle: list[DecoderProcess] = []
        self._busy: set[DecoderProcess] = set()
        self._closed = False

    def warm(self) -> None:
        """Starts a first process, without waiting for it."""
        self._idle.append(DecoderProcess(self.max_pixels, self.read))

    async def photo(self, data: bytes, what: str = "photo") -> RGBImage:
        """Decodes a photo to upright RGB. `what`: how errors call it.

        Raises:
            HTTPException: 400 it is not a photo; 422 decoding it hangs or crashes; 503 the server stops.
        """
        return await self._decoded(what, photo_job(self.max_pixels, PHOTO_BACKGROUND), data)

    async def map(self, data: bytes, height: int, width: int) -> Plane:
        """Decodes a map to 0 and 1, of `height` x `width` pixels. Errors are those of `photo`."""
        return await self._decoded("map", map_job(self.max_pixels, height, width), data)

    def close(self) -> None:
        """Kills all processes, also those that decode."""
        self._closed = True
        for process in [*self._idle, *self._busy]:
            process.close()
        self._threads.shutdown(cancel_futures=True)

    async def _decoded(self, what: str, job: Job, data: bytes) -> ndarray:
        if self._closed:
            raise _stopping()
        result = await asyncio.get_running_loop().run_in_executor(self._threads, self._decode, job, data)
        if not isinstance(result, Skip):
            return result
        if self._closed:
            raise _stopping()
        if result.reason == "poison":
            raise HTTPException(STUCK, f"the {what} cannot be used: {result.detail}")
        raise HTTPException(UNREADABLE, _refusal(what, result))

    def _decode(self, job: Job, data: bytes) -> ndarray | Skip:
        """Decodes in an idle process, or a new one."""
        try:
            process = self._idle.pop()
        except IndexError:  # rather than a look first: other threads take them too
            process = DecoderProcess(self.max_pixels, self.read)
        self._busy.add(process)
        try:
            if self._closed:  # since it was taken
                process.close()
            return process.read(job, data, self.seconds)
        finally:
            self._busy.discard(process)
            if process.alive:
                self._idle.append(process)
            if self._closed:  # while it was in neither list
                process.close()


def _refusal(what: str, skip: Skip) -> str:
    """Says why an image is refused, and what to do."""
    if skip.detail == "a video":
        return f"the {what} is a video, which this page does not take: restore it with `unmask run`"
    said = f"the {what} cannot be used: {skip.reason.replace('_', ' ')}: {skip.detail}"
    if skip.reason != "too_large":
        return said
    said += ". Send a smaller copy"
    if "megapixels" not in skip.detail:  # but a side
        return said
    most = MAX_PHOTO_PIXELS // 1_000_000
    return f"{said}, use `unmask run`, which takes {most} megapixels, or ask the server's owner to raise `max_pixels`"


def _stopping() -> HTTPException:
    return HTTPException(STOPPING, "the server is being stopped")
