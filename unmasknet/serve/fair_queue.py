"""Queue that serves clients in turn, so that one with many photos does not make others wait for all of them."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairQueue:
    """Semaphore whose places go to the waiting client that got one longest ago, or none yet.

    The requests of one client are served in their order, and do not hold all places if there are several.

    Args:
        places: number of requests that may hold a place at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._most = max(1, places - 1)  # for one client
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._count = 0
        self._last: dict[
            str, int
        ] = {}  # when a client got its last place; only of those that hold one or wait

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """Waits for a place, and holds it. `client`: its address."""
        await self._take(client)
        try:
            yield
        finally:
            self._give(client)

    async def _take(self, client: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        self._fill()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had the place already
                self._give(client)
            raise

    def _give(self, client: str) -> None:
        self._free += 1
        self._held[client] -= 1
        self._fill()
        self._forget(client)

    def _forget(self, client: str) -> None:
        """Forgets a client that neither holds a place nor waits for one."""
        if not self._held[client] and client not in self._waiting:
            self._held.pop(client, None)
            self._last.pop(client, None)

    def _fill(self) -> None:
        """Hands free places to those who wait."""
        while self._free:
            able = [client for client in self._waiting if self._held[client] < self._most]
            if not able:
                return
            client = min(able, key=lambda one: self._last.get(one, 0))
            turn = self._waiting[client].popleft()
            if not self._waiting[client]:
                del self._waiting[client]
            if turn.done():  # it was cancelled
                self._forget(client)
                continue
            self._free -= 1
            self._held[client] += 1
            self._count += 1
            self._last[client] = self._count
            turn.set_result(None)
