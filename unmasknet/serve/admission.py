"""Admission control: limits on requests, on the bytes they hold, and on the photos in work."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from unmasknet.serve.fair_queue import FairQueue


class Full(Exception):
    """There is no free slot, or no room for more bytes; the client may retry later."""


@dataclass
class AdmissionSlot:
    """Slot of one request. `held`: bytes that it holds; `queued`: whether it has a place in the queue."""

    gate: "Gate"
    held: int = 0
    queued: bool = False

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

    def join_queue(self) -> None:
        """Takes a place in the queue. A request does so when its body has arrived: a slow client holds none.

        Raises:
            Full: all places are taken.
        """
        if self.gate.taken >= self.gate.places:
            raise Full
        self.gate.taken += 1
        self.queued = True


class Gate:
    """Limits on concurrent requests, on their bytes, and on those that do their work.

    Args:
        places: largest number of requests in the queue.
        room: largest number of bytes that requests hold; the bytes of responses being sent are counted separately,
            with the same limit.
        turns: number of requests that do their work at once; if there are several, not all of one client.
    """

    def __init__(self, places: int, room: int, turns: int) -> None:
        self.places, self.room = places, room
        self.taken = self.held = self.leaving = 0
        self._turns = FairQueue(turns)
        self._left = asyncio.Condition()

    @contextmanager
    def slot(self) -> Iterator[AdmissionSlot]:
        """Counts the bytes of one request, and its place in the queue."""
        slot = AdmissionSlot(self)
        try:
            yield slot
        finally:
            slot.free()
            self.taken -= slot.queued

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Waits for a turn, and until the responses being sent hold fewer bytes than `room`.

        `client`: the address of the client; clients take turns.
        """
        async with self._turns.place(client):
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
