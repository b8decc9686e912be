"""Runs jobs on this machine's cores and survives crashed or hung workers.

Each worker is a process with its own pipe and board. When it crashes or hangs, its board still holds the photo that it
was processing. That photo is then tried alone. If it crashes its worker again, it is poison: it is skipped, and the
shard is made without it. If not, the worker was killed from outside or memory was short, and the shard is made again.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from types import FrameType
from typing import Any

from maskgen.dataset.plan import Entry, ShardPlan
from maskgen.errors import UnmaskError
from maskgen.generation.worker import (
    NOWHERE,
    OUT_OF_MEMORY,
    Board,
    Done,
    Failed,
    Job,
    Outcome,
    Ready,
    ShardTask,
    Steps,
)

HANG_SECONDS = 60.0  # time for one photo, after which its worker counts as hung
MASK_SECONDS = 1.0  # added to it for each mask of a photo
LOAD_SECONDS = 600.0  # the same for all else: loading models from a slow disk, flushing a shard
TICK_SECONDS = 0.5  # interval of the search for hung workers
ASLEEP_SECONDS = 10.0  # a longer wait than this means that the machine or this process was suspended
MAX_DEATHS = 30  # crashes over one shard, without a poison photo, after which the run gives up
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PoolStopped(UnmaskError):
    """Signal that ended the run; `exit_code` is 128 + its number, as in shells. `done` tells the progress."""

    def __init__(self, number: int, done: str = "") -> None:
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}{done}; the same command goes on where it stopped")
        self.number, self.exit_code = number, 128 + number


@dataclass(frozen=True)
class Moved:
    """Event: a worker starts photo `index` of its shard, or (`index` -1) the shard is started again."""

    name: str
    index: int
    outcome: Outcome


@dataclass(frozen=True)
class Made:
    """Event: a shard is finished. `report` is what the task's `make` returned, a `JobReport`."""

    report: Any


@dataclass(frozen=True)
class Poisoned:
    """Event: a photo crashes its workers; its shard is made without it."""

    name: str
    entry: Entry


Event = Moved | Made | Poisoned


@dataclass
class _Work:
    """Shard in work.

    Attributes:
        plan: its plan, without poison photos.
        suspect: index of the photo that is suspected of crashing workers; None without suspicion.
        crashes_left: number of further crashes after which the suspect counts as poison.
        deaths: number of workers that crashed over this shard.
    """

    plan: ShardPlan
    suspect: int | None = None
    crashes_left: int = 0
    deaths: int = 0


@dataclass
class _Slot:
    """One worker.

    Attributes:
        process: its process.
        pipe: this end of the pipe to it.
        board: its board, which holds the photo that it is processing.
        work: the shard that it makes.
        index: the photo last read from its board.
        since: time of its last sign of progress.
        idle: whether it waits for work.
        hung: whether it was killed because it hung.
    """

    process: subprocess.Popen[bytes]
    pipe: Connection
    board: Board
    work: _Work | None = None
    index: int = NOWHERE
    since: float = field(default_factory=time.monotonic)
    idle: bool = False
    hung: bool = False

    def close(self) -> None:
        """Closes pipe and board."""
        self.pipe.close()
        self.board.close()


class LocalEngine:
    """Pool of worker processes on this machine."""

    def __init__(self, jobs: int, *, hang_after: float = HANG_SECONDS) -> None:
        """Prepares a pool.

        Args:
            jobs: largest number of workers.
            hang_after: seconds for one photo, after which its worker counts as hung.
        """
        self.jobs, self.hang_after = jobs, hang_after
        self._slots: list[_Slot] = []
        self._queue: deque[_Work] = deque()

    def run(self, task: ShardTask, plans: Sequence[ShardPlan]) -> Generator[Event, None, None]:
        """Makes all shards.

        Args:
            task: makes a shard; it is pickled to the workers.
            plans: the shards to make.

        Yields:
            Events, as they happen.

        Raises:
            UnmaskError: an error that a worker raised, such as a full disk; or workers crash repeatedly without a
                poison photo. All workers have ended then, also when the caller closes the iterator.
        """
        self._queue = deque(_Work(plan) for plan in plans)
        try:
            for _ in range(min(self.jobs, len(plans))):
                self._slots.append(_start(task))
            while self._queue or any(slot.work for slot in self._slots):
                yield from self._poll(task)
        finally:
            _end(self._slots)
            self._slots = []

    def _poll(self, task: ShardTask) -> Iterator[Event]:
        """Receives messages from all workers, replaces crashed workers and kills hung ones."""
        began = time.monotonic()
        ready = wait([slot.pipe for slot in self._slots], TICK_SECONDS)
        if time.monotonic() - began > ASLEEP_SECONDS:
            for slot in self._slots:
                slot.since = time.monotonic()
        for slot in list(self._slots):
            if slot.pipe in ready:
                yield from self._receive(slot, task)
            elif slot.index != slot.board.read():  # it has moved on; its message follows later
                slot.index, slot.since = slot.board.read(), time.monotonic()
            elif time.monotonic() - slot.since > self._time_limit(slot) and not slot.hung:
                slot.hung = True
                slot.process.kill()  # its closed pipe is noticed in a later poll

    def _time_limit(self, slot: _Slot) -> float:
        if slot.idle:
            return float("inf")
        return self.hang_after if slot.index >= 0 else LOAD_SECONDS

    def _receive(self, slot: _Slot, task: ShardTask) -> Iterator[Event]:
        try:
            message = slot.pipe.recv()
        except (EOFError, OSError):
            self._slots.remove(slot)
            yield from self._handle_crash(slot)
            if self._queue:
                self._slots.append(_start(task))
            return
        slot.since = time.monotonic()
        if isinstance(message, Failed):
            raise message.error
        if isinstance(message, Steps):
            yield from self._forward(slot, message)
            return
        if isinstance(message, Done):
            yield from self._finish(slot, message)
        else:
            assert isinstance(message, Ready), message
        self._assign(slot)

    def _forward(self, slot: _Slot, message: Steps) -> Iterator[Event]:
        assert slot.work is not None
        for index, outcome in message.steps:
            yield Moved(slot.work.plan.name, index, outcome)

    def _finish(self, slot: _Slot, message: Done) -> Iterator[Event]:
        assert slot.work is not None
        done, slot.work = slot.work, None
        if message.report is not None:
            yield Made(message.report)
        else:  # the suspect did not crash when tried alone
            done.suspect = None
            self._queue.appendleft(done)

    def _assign(self, slot: _Slot) -> None:
        slot.idle = not self._queue
        if self._queue:
            slot.work = self._queue.popleft()
            with suppress(OSError):  # it has crashed: the next poll handles that
                slot.pipe.send(Job(slot.work.plan, slot.work.suspect))

    def _handle_crash(self, slot: _Slot) -> Iterator[Event]:
        """Puts the shard of a crashed worker back, and suspects the photo that it was processing."""
        slot.process.kill()
        slot.process.wait()
        slot.index = slot.board.read()
        slot.close()
        lost = slot.work or (self._queue.popleft() if self._queue else None)
        if lost is None:
            return
        self._queue.appendleft(lost)
        lost.deaths += 1
        if slot.work is not None and lost.suspect is None:
            yield Moved(lost.plan.name, -1, None)
        if slot.index >= 0:
            yield from self._suspect(lost, slot)
        if lost.deaths > MAX_DEATHS:
            raise UnmaskError(
                f"shard {lost.plan.name}: its workers died {lost.deaths} times, the last {self._cause(slot)}, and no "
                "photo is to blame; if memory is short, give fewer --jobs or a smaller --size"
            )

    def _suspect(self, lost: _Work, slot: _Slot) -> Iterator[Event]:
        """Has a photo tried alone; if it was, and its worker crashed again, skips it as poison."""
        if lost.suspect is None:
            lost.suspect = slot.index
            # SIGKILL may come from outside, even twice by chance; any other crash is caused by the photo.
            lost.crashes_left = 2 if slot.process.returncode == -signal.SIGKILL and not slot.hung else 1
            return
        lost.crashes_left -= 1
        if lost.crashes_left == 0:
            entry = (lost.plan.refs[lost.suspect].id, "poison", self._cause(slot))
            lost.plan, lost.suspect, lost.deaths = lost.plan.without(entry), None, 0
            yield Poisoned(lost.plan.name, entry)

    def _cause(self, slot: _Slot) -> str:
        code = slot.process.returncode
        if slot.hung:
            return f"hung for {self.hang_after:g} s"
        if code == OUT_OF_MEMORY:
            return "out of memory"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _start(task: ShardTask) -> _Slot:
    """Starts a worker. Signals are blocked until the worker has set its handlers.

    It uses `subprocess`, because `multiprocessing` would run the caller's main script again in every worker.
    """
    own_end, worker_end = Pipe()
    board = Board()
    begin = f"import sys; sys.path[:] = {sys.path!r}; from maskgen.generation.worker import main; "
    begin += f"main({worker_end.fileno()}, {board.descriptor}, {os.getpid()})"
    # One core per worker. Output of libraries goes to stderr, so that it does not mix with the output of --json.
    environment = os.environ | dict.fromkeys(_ONE_THREAD, "1")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", begin],
            pass_fds=[worker_end.fileno(), board.descriptor],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=2,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        worker_end.close()
    with suppress(OSError):  # it has crashed already
        own_end.send(task)
    return _Slot(process, own_end, board)


def _end(slots: Sequence[_Slot]) -> None:
    """Kills all workers; they write files atomically, so no partial file remains."""
    for slot in slots:
        slot.process.kill()
    for slot in slots:
        with suppress(subprocess.TimeoutExpired):
            slot.process.wait(timeout=2)
        slot.close()


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Makes SIGINT and SIGTERM raise `PoolStopped` inside; a second signal is ignored during the clean-up.

    Python handles signals only in the main thread; in other threads this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def stop(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise PoolStopped(number)

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
