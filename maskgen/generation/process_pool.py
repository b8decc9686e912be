"""Runs jobs on this machine's cores, whatever becomes of single workers.

Each worker is a process with a pipe of its own, so that a killed or hung one takes nothing with it: what it said
before is still in the pipe, and names the photo it was at. That photo is then tried alone. If it ends its worker
again it is poison: it is set aside, and the shard is made without it. If it does not, the worker was killed from
outside (or memory was short), and the shard is simply made again.
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

from maskgen.dataset.plan import Entry, ShardPlan
from maskgen.dataset.shard_record import ShardReport
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

HANG_SECONDS = 60.0  # one photo may take so long; then its worker is taken for hung
LOAD_SECONDS = 600.0  # and so long for all else: loading models from a slow disk, flushing a shard to it
TICK_SECONDS = 0.5  # how often hung workers are looked for
ASLEEP_SECONDS = 10.0  # a longer pause of our own means that this machine or this process was suspended
MAX_DEATHS = 30  # of one shard's workers with no photo to blame, before the run gives up
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PoolStopped(UnmaskError):
    """A signal ended the run; `exit_code` is 128 + its number, as shells have it. `done`: how far it had come."""

    def __init__(self, number: int, done: str = "") -> None:
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}{done}; the same command goes on where it stopped")
        self.number, self.exit_code = number, 128 + number


@dataclass(frozen=True)
class Moved:
    """A shard's worker went on by a photo, or (`index` -1) begins anew."""

    name: str
    index: int
    outcome: Outcome


@dataclass(frozen=True)
class Made:
    """A shard is done."""

    report: ShardReport


@dataclass(frozen=True)
class Poisoned:
    """A photo ends its workers; its shard is made without it."""

    name: str
    entry: Entry


Event = Moved | Made | Poisoned


@dataclass
class _Work:
    """A shard on its way: the plan, less poison; the photo under suspicion; how often a worker died over it."""

    plan: ShardPlan
    suspect: int | None = None
    acquit: int = 0  # times the suspect must still end its worker to be convicted
    deaths: int = 0


@dataclass
class _Slot:
    """One worker: what it does, the photo it was last seen at, since when; and whether it waits for work."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    board: Board
    work: _Work | None = None
    index: int = NOWHERE
    since: float = field(default_factory=time.monotonic)
    idle: bool = False
    hung: bool = False

    def close(self) -> None:
        """Lets go of what it was heard by."""
        self.pipe.close()
        self.board.close()


class LocalEngine:
    """Worker processes on this machine."""

    def __init__(self, jobs: int, *, hang_after: float = HANG_SECONDS) -> None:
        """Take up to `jobs` workers; one photo may take `hang_after` seconds."""
        self.jobs, self.hang_after = jobs, hang_after
        self._slots: list[_Slot] = []
        self._queue: deque[_Work] = deque()

    def run(self, task: ShardTask, plans: Sequence[ShardPlan]) -> Generator[Event, None, None]:
        """Makes all shards; what happens is yielded as it happens.

        Raises:
            UnmaskError: what a worker raised: no room on the disk, say. Also when workers die again and again
                with no photo to blame. All workers have ended then, as when the caller closes the iterator.
        """
        self._queue = deque(_Work(plan) for plan in plans)
        try:
            for _ in range(min(self.jobs, len(plans))):
                self._slots.append(_start(task))
            while self._queue or any(slot.work for slot in self._slots):
                yield from self._turn(task)
        finally:
            _end(self._slots)
            self._slots = []

    def _turn(self, task: ShardTask) -> Iterator[Event]:
        """Hears every worker that has something to say; replace the dead, kill the hung."""
        began = time.monotonic()
        heard = wait([slot.pipe for slot in self._slots], TICK_SECONDS)
        if time.monotonic() - began > ASLEEP_SECONDS:
            for slot in self._slots:
                slot.since = time.monotonic()
        for slot in list(self._slots):
            if slot.pipe in heard:
                yield from self._listen(slot, task)
            elif slot.index != slot.board.read():  # it goes on, and will say so
                slot.index, slot.since = slot.board.read(), time.monotonic()
            elif time.monotonic() - slot.since > self._patience(slot) and not slot.hung:
                slot.hung = True
                slot.process.kill()  # its pipe then says so

    def _patience(self, slot: _Slot) -> float:
        if slot.idle:
            return float("inf")
        return self.hang_after if slot.index >= 0 else LOAD_SECONDS

    def _listen(self, slot: _Slot, task: ShardTask) -> Iterator[Event]:
        try:
            message = slot.pipe.recv()
        except (EOFError, OSError):
            self._slots.remove(slot)
            yield from self._bury(slot)
            if self._queue:
                self._slots.append(_start(task))
            return
        slot.since = time.monotonic()
        if isinstance(message, Failed):
            raise message.error
        if isinstance(message, Steps):
            yield from self._follow(slot, message)
            return
        if isinstance(message, Done):
            yield from self._finish(slot, message)
        else:
            assert isinstance(message, Ready), message
        self._hand_out(slot)

    def _follow(self, slot: _Slot, message: Steps) -> Iterator[Event]:
        assert slot.work is not None
        for index, outcome in message.steps:
            yield Moved(slot.work.plan.name, index, outcome)

    def _finish(self, slot: _Slot, message: Done) -> Iterator[Event]:
        assert slot.work is not None
        done, slot.work = slot.work, None
        if message.report is not None:
            yield Made(message.report)
        else:  # tried alone, the suspect did nothing
            done.suspect = None
            self._queue.appendleft(done)

    def _hand_out(self, slot: _Slot) -> None:
        slot.idle = not self._queue
        if self._queue:
            slot.work = self._queue.popleft()
            with suppress(OSError):  # dead already: it is buried on the next turn
                slot.pipe.send(Job(slot.work.plan, slot.work.suspect))

    def _bury(self, slot: _Slot) -> Iterator[Event]:
        """Finds out what a dead worker's last photo has to do with it, and puts its shard back."""
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
        """Has a photo tried alone; when it was, and its worker died again, set it aside."""
        if lost.suspect is None:
            lost.suspect = slot.index
            # SIGKILL may come from outside, and may do so again by chance; all else is the photo's own doing.
            lost.acquit = 2 if slot.process.returncode == -signal.SIGKILL and not slot.hung else 1
            return
        lost.acquit -= 1
        if lost.acquit == 0:
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
    """Starts a worker. No signal reaches it before it can say what it does about signals.

    A plain subprocess and not `multiprocessing`: that would run the caller's main script again in every worker.
    """
    ours, theirs = Pipe()
    board = Board()
    begin = f"import sys; sys.path[:] = {sys.path!r}; from maskgen.generation.worker import main; "
    begin += f"main({theirs.fileno()}, {board.descriptor}, {os.getpid()})"
    # One worker, one core: more jobs, not more threads. What a library would print must not mix with --json's output.
    environment = os.environ | dict.fromkeys(_ONE_THREAD, "1")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", begin],
            pass_fds=[theirs.fileno(), board.descriptor],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=2,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
    with suppress(OSError):  # dead already
        ours.send(task)
    return _Slot(process, ours, board)


def _end(slots: Sequence[_Slot]) -> None:
    """Ends all workers at once: what they write is whole or not there."""
    for slot in slots:
        slot.process.kill()
    for slot in slots:
        with suppress(subprocess.TimeoutExpired):
            slot.process.wait(timeout=2)
        slot.close()


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Lets SIGINT and SIGTERM raise `Stopped` inside; a second one does not disturb the clearing up.

    Signals belong to the main thread; in another one this does nothing.
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
