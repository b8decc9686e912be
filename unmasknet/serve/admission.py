"""Admission control: limits on requests and on the bytes they hold, and a lock for one photo at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass


class Full(Exception):
    """There is no free slot, or no room for more bytes; the client may retry later."""


@dataclass
class AdmissionSlot:
    """Slot of one request. `held`: bytes that it holds."""

    gate: "Gate"
    held: int = 0

    def hold(self, count: int) -> None:
        """Sets the number of bytes that the request holds in total.

        Raises:
            Full: there is no room for them.
        """
        more = count - self.held
        if self.gate.held + more > self.gate.room:
            raise Full
        self.gate.held += more
        self.held = count

    def free(self) -> None:
        """Releases the bytes."""
        self.gate.held -= self.held
        self.held = 0


class Gate:
    """Limits on concurrent requests and on their bytes. Only one request at a time does its work.

    Args:
        places: largest number of concurrent requests.
        room: largest number of bytes that requests hold; the bytes of responses being sent are counted separately,
            with the same limit.
    """

    def __init__(self, places: int, room: int) -> None:
        self.places, self.room = places, room
        self.taken = self.held = self.leaving = 0
        self._turn = asyncio.Lock()
        self._left = asyncio.Condition()

    @contextmanager
    def place(self) -> Iterator[AdmissionSlot]:
        """Holds a slot for one request.

        Raises:
            Full: all slots are taken.
        """
        if self.taken >= self.places:
            raise Full
        self.taken += 1
        place = AdmissionSlot(self)
        try:
            yield place
        finally:
            place.free()
            self.taken -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits until no other request works and the responses being sent hold fewer bytes than `room`."""
        async with self._turn:
            async with self._left:
                await self._left.wait_for(lambda: self.leaving < self.room)
            yield

    @asynccontextmanager
    async def answer(self, size: int) -> AsyncIterator[None]:
        """Counts the bytes of a response while it is sent."""
        self.leaving += size
        try:
            yield
        finally:
            self.leaving -= size
            async with self._left:
                self._left.notify_all()
