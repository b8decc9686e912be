"""Restores photos in threads, one for each set of networks, so that no client waits for the photo of another one."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar, runtime_checkable

from maskgen.types import Plane, RGBImage
from unmasknet.restore.unmasker import Restored

Result = TypeVar("Result")


@runtime_checkable
class Unmask(Protocol):
    """Protocol of `restore.unmasker.Unmasker`, so that tests can replace it."""

    def __call__(
        self,
        image: RGBImage,
        *,
        map: Plane | None,
        samples: int,
        seed: int,
        references: Sequence[RGBImage] = (),
        expression: str = "reference",
        force: bool = False,
    ) -> Restored:
        """Restores a photo, RGB; `map`: 1 where masks are, None to look for them; the others: see `Unmasker`."""


class Restorers:
    """Threads with networks. Networks serve one thread only: each has its own.

    Args:
        unmasks: a restorer with its own networks for each thread.
    """

    def __init__(self, unmasks: Sequence[Unmask]) -> None:
        self._all = [(unmask, ThreadPoolExecutor(1, "unmask")) for unmask in unmasks]
        self._idle = self._all[::-1]

    async def run(self, job: Callable[[Unmask], Result]) -> Result:
        """Runs a job with idle networks, in their thread; there must be some: see `Gate`."""
        chosen = self._idle.pop()
        try:
            return await asyncio.get_running_loop().run_in_executor(chosen[1], job, chosen[0])
        finally:
            self._idle.append(chosen)  # if the server stops, the thread may still be at work

    async def run_aside(self, job: Callable[[], Result]) -> Result:
        """Runs another job in a thread that restores no photo meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._all[0][1], job)

    def close(self) -> None:
        """Ends the threads without waiting for a photo in work."""
        for _, thread in self._all:
            thread.shutdown(wait=False, cancel_futures=True)
