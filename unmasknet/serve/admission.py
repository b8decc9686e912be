"""How much at once: a number of places, a number of bytes, and one photo in work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass


class Full(Exception):
    """There is no place, or no room: come again later."""


@dataclass
class AdmissionSlot:
    """A request's place. `held`: bytes that it takes up."""

    gate: "Gate"
    held: int = 0

    def hold(self, count: int) -> None:
        """Takes up as many bytes as this in all.

        Raises:
            Full: there is no room for them.
        """
        more = count - self.held
        if self.gate.held + more > self.gate.room:
            raise Full
        self.gate.held += more
        self.held = count

    def free(self) -> None:
        """Gives the bytes back."""
        self.gate.held -= self.held
        self.held = 0


class Gate:
    """Lets in so many requests, which hold so many bytes; one at a time does its work.

    Args:
        places: requests at once.
        room: bytes that they may hold, and, counted apart, that answers on their way may take up.
    """

    def __init__(self, places: int, room: int) -> None:
        self.places, self.room = places, room
        self.taken = self.held = self.leaving = 0
        self._turn = asyncio.Lock()
        self._left = asyncio.Condition()

    @contextmanager
    def place(self) -> Iterator[AdmissionSlot]:
        """Holds a place for one request.

        Raises:
            Full: all are taken.
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
        """Waits for this request's turn to work: those before it are done, and their answers mostly taken."""
        async with self._turn:
            async with self._left:
                await self._left.wait_for(lambda: self.leaving < self.room)
            yield

    @asynccontextmanager
    async def answer(self, size: int) -> AsyncIterator[None]:
        """Counts the bytes of an answer that is on its way."""
        self.leaving += size
        try:
            yield
        finally:
            self.leaving -= size
            async with self._left:
                self._left.notify_all()
