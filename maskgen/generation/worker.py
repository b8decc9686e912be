"""A worker process: makes the shards it is given, says where it is, and never outlives its parent.

It is given a `Task` first, then one `Job` after another. What it says: `Ready` when the task is prepared; for each job
some `Steps`, then `Done`; or `Failed`. At which photo it is stands on a `Board` as well, where its parent reads it when
the worker is dead or hung: so it need not be told, and woken, at every one of some hundred photos a second.
"""

import ctypes
import gc
import mmap
import os
import signal
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import IO, Any, Protocol, runtime_checkable

from maskgen.dataset.plan import ShardPlan
from maskgen.dataset.shard_record import ShardReport
from maskgen.errors import UnmaskError

Outcome = (
    int | str | None
)  # samples of the photo before, or the reason why there are none; None before the first
Tell = Callable[[int, Outcome], None]
OUT_OF_MEMORY = 77  # exit code: the photo in work asked for more memory than there is
NOWHERE = -1  # on a board: at no photo
TOLD_SECONDS = 0.05  # between two messages of a worker that goes on
_PR_SET_PDEATHSIG = 1


@runtime_checkable
class ShardTask(Protocol):
    """What is done to a shard. Pickled to the workers; pure, so that any of them may do it, and do it again."""

    def prepare(self) -> None:
        """Loads what all jobs need."""

    def make(self, plan: ShardPlan, tell: Tell) -> ShardReport:
        """Makes a shard; `tell(i, outcome of photo i - 1)` before photo i, and once after the last."""

    def probe(self, plan: ShardPlan, index: int) -> None:
        """Does all that `make` does with one photo, and keeps nothing."""


@dataclass(frozen=True)
class Job:
    """A shard to make, or one photo of it to try alone."""

    plan: ShardPlan
    probe: int | None = None


@dataclass(frozen=True)
class Ready:
    """The worker has loaded what it needs and waits for a job."""


@dataclass(frozen=True)
class Steps:
    """What the worker went on to: photos, or the end after the last, each with the outcome of the photo before."""

    steps: tuple[tuple[int, Outcome], ...]


@dataclass(frozen=True)
class Done:
    """The job is done; a probe has no report."""

    report: ShardReport | None


@dataclass(frozen=True)
class Failed:
    """The job cannot be done by any worker: a full disk, or a mistake of ours with its traceback."""

    error: Exception


class Board:
    """A number that two processes see, wherever either of them stands: the photo a worker is at, or `NOWHERE`."""

    _FORM = struct.Struct("q")

    def __init__(self, descriptor: int | None = None) -> None:
        """A new one; or the one whose `descriptor` another process passed on."""
        self._file = None
        if descriptor is None:
            self._file = _unnamed_file()
            self._file.write(self._FORM.pack(NOWHERE))  # a file that is mapped must have its bytes
            self._file.flush()
            descriptor = self._file.fileno()
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, self._FORM.size)

    def write(self, index: int) -> None:
        """Puts the number there."""
        self._FORM.pack_into(self._memory, 0, index)

    def read(self) -> int:
        """Reads the number that was stored last."""
        index: int = self._FORM.unpack_from(self._memory)[0]
        return index

    def close(self) -> None:
        """Lets go of it."""
        self._memory.close()
        if self._file:
            self._file.close()


def _unnamed_file() -> IO[bytes]:
    """Opens a file in memory where the system has such, else an unnamed temporary file."""
    with suppress(AttributeError, OSError):  # a system without the call, a sandbox that refuses it
        return os.fdopen(os.memfd_create("unmask-board"), "r+b")
    return tempfile.TemporaryFile()


class _Teller:
    """Says where the worker is: on the board at once, to its parent not too often."""

    def __init__(self, pipe: Connection, board: Board, last: int) -> None:
        self._pipe, self._board, self._last = pipe, board, last
        self._steps: list[tuple[int, Outcome]] = []
        self._told = 0.0

    def __call__(self, index: int, outcome: Outcome) -> None:
        self._board.write(index if index < self._last else NOWHERE)
        self._steps.append((index, outcome))
        if time.monotonic() - self._told > TOLD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Says all that has not been said."""
        if self._steps:
            self._pipe.send(Steps(tuple(self._steps)))
        self._steps, self._told = [], time.monotonic()


def main(descriptor: int, board: int, parent: int) -> None:
    """Takes the task, then serve jobs, until the parent closes the pipe.

    Args:
        descriptor, board: of the pipe to the parent, and of its board.
        parent: its process.
    """
    # Ctrl-C reaches the whole process group, and so may a SIGTERM: the parent alone decides what follows.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    _die_with(parent)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone or wants no more
        _serve(Connection(descriptor), Board(board))


def _serve(pipe: Connection, board: Board) -> None:
    import cv2  # here, so that the parent, which reads this file too, need not load it

    cv2.setNumThreads(1)
    task: ShardTask = pipe.recv()
    failed = _attempt(task.prepare)
    gc.freeze()  # what is loaded stays: it need not be looked at again and again for what can go
    pipe.send(failed or Ready())
    while not failed:
        job: Job = pipe.recv()
        done = _attempt(partial(_do, task, job, pipe, board))
        board.write(NOWHERE)
        pipe.send(done)


def _do(task: ShardTask, job: Job, pipe: Connection, board: Board) -> Done:
    if job.probe is None:
        tell = _Teller(pipe, board, len(job.plan.refs))
        report = task.make(job.plan, tell)
        tell.flush()
        return Done(report)
    board.write(job.probe)
    task.probe(job.plan, job.probe)
    return Done(None)


def _attempt(step: Callable[[], Any]) -> Any:
    """Runs a step; returns its result or how it failed. Without memory, a worker ends without a word."""
    try:
        return step()
    except UnmaskError as error:
        return Failed(error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception:  # noqa: BLE001 - whatever it is, the parent is told and the run ends with it
        return Failed(RuntimeError(traceback.format_exc()))


def _die_with(parent: int) -> None:
    """Ends this process when its parent ends, however that ends and whatever this one is doing."""
    if sys.platform == "linux":  # at once, by the kernel, even inside a decoder that never returns
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(0.5)
    os._exit(1)
