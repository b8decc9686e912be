"""Worker process: makes shards, reports its progress, and never outlives its parent.

It receives a `ShardTask`, then one `Job` after another. It sends `Ready` when the task is prepared; for each job some
`Steps` and then `Done`; or `Failed`. It also writes the photo that it is processing to a `Board`, where the parent can
read it after a crash or a hang. So it need not send a message, and wake the parent, for each of hundreds of photos per
second.
"""

import gc
import mmap
import os
import signal
import struct
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import IO, Any, Protocol, runtime_checkable

from maskgen.dataset.plan import ShardPlan
from maskgen.errors import UnmaskError
from maskgen.processes import die_with

Outcome = int | str | None  # of the previous photo: number of samples or skip reason; None before the first
OnStep = Callable[[int, Outcome], None]
OUT_OF_MEMORY = 77  # exit code of a worker that runs out of memory
NOWHERE = -1  # value on a board: processing no photo
MESSAGE_SECONDS = 0.05  # shortest time between two messages of a worker within a shard


@runtime_checkable
class JobReport(Protocol):
    """Report of a finished job, as far as the pool and the progress need it; `ShardReport` is one."""

    @property
    def name(self) -> str:
        """Name of the shard or batch."""

    @property
    def photos(self) -> int:
        """Number of its photos, including skipped ones."""

    @property
    def count(self) -> int:
        """Number of samples made of them."""

    @property
    def skipped(self) -> Mapping[str, int]:
        """Number of skipped photos by reason."""


@runtime_checkable
class ShardTask(Protocol):
    """Making of shards, or of other batches of photos that a `ShardPlan` lists.

    It is pickled to the workers; any of them may make any shard, also repeatedly.
    """

    def prepare(self) -> None:
        """Loads everything that the jobs need."""

    def make(self, plan: ShardPlan, on_step: OnStep) -> JobReport:
        """Makes a shard; calls `on_step(i, outcome of photo i - 1)` before photo i and after the last photo."""

    def probe(self, plan: ShardPlan, index: int) -> None:
        """Processes one photo as `make` does, and discards the result."""


@dataclass(frozen=True)
class Job:
    """Shard to make, or index of one of its photos to try alone (`probe`)."""

    plan: ShardPlan
    probe: int | None = None


@dataclass(frozen=True)
class Ready:
    """Message: the worker has loaded the task and waits for a job."""


@dataclass(frozen=True)
class Steps:
    """Message: the photos started since the last message, each with the outcome of the previous photo."""

    steps: tuple[tuple[int, Outcome], ...]


@dataclass(frozen=True)
class Done:
    """Message: the job is done; a probe has no report."""

    report: JobReport | None


@dataclass(frozen=True)
class Failed:
    """Message: no worker can do the job, because of a full disk or a bug (with its traceback)."""

    error: Exception


class Board:
    """Number in memory shared by two processes: the photo that a worker is processing, or `NOWHERE`."""

    _FORM = struct.Struct("q")

    def __init__(self, descriptor: int | None = None) -> None:
        """Creates a board, or opens the board whose file descriptor another process passed on."""
        self._file = None
        if descriptor is None:
            self._file = _unnamed_file()
            self._file.write(self._FORM.pack(NOWHERE))  # a file must have its full size to be mapped
            self._file.flush()
            descriptor = self._file.fileno()
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, self._FORM.size)

    def write(self, index: int) -> None:
        """Stores the number."""
        self._FORM.pack_into(self._memory, 0, index)

    def read(self) -> int:
        """Reads the number that was stored last."""
        index: int = self._FORM.unpack_from(self._memory)[0]
        return index

    def close(self) -> None:
        """Closes the shared memory."""
        self._memory.close()
        if self._file:
            self._file.close()


def _unnamed_file() -> IO[bytes]:
    """Opens an in-memory file if the system has them, else an unnamed temporary file."""
    with suppress(AttributeError, OSError):  # the system lacks the call, or a sandbox refuses it
        return os.fdopen(os.memfd_create("unmask-board"), "r+b")
    return tempfile.TemporaryFile()


class _StepReporter:
    """Reporter of a worker's steps: to its board at once, to its parent in a few messages."""

    def __init__(self, pipe: Connection, board: Board, last: int) -> None:
        self._pipe, self._board, self._last = pipe, board, last
        self._steps: list[tuple[int, Outcome]] = []
        self._sent_at = 0.0

    def __call__(self, index: int, outcome: Outcome) -> None:
        self._board.write(index if index < self._last else NOWHERE)
        self._steps.append((index, outcome))
        if time.monotonic() - self._sent_at > MESSAGE_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Sends the steps that have not been sent."""
        if self._steps:
            self._pipe.send(Steps(tuple(self._steps)))
        self._steps, self._sent_at = [], time.monotonic()


def main(descriptor: int, board: int, parent: int) -> None:
    """Receives the task, then does jobs until the parent closes the pipe.

    Args:
        descriptor: file descriptor of the pipe to the parent.
        board: file descriptor of the board.
        parent: process id of the parent.
    """
    # Ctrl-C, and perhaps SIGTERM, reach the whole process group; only the parent reacts to them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    die_with(parent)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent has ended or closed the pipe
        _serve(Connection(descriptor), Board(board))


def _serve(pipe: Connection, board: Board) -> None:
    import cv2  # here, because the parent imports this module too and does not need OpenCV

    cv2.setNumThreads(1)
    task: ShardTask = pipe.recv()
    failed = _attempt(task.prepare)
    gc.freeze()  # loaded objects stay: the garbage collector need not visit them again
    pipe.send(failed or Ready())
    while not failed:
        job: Job = pipe.recv()
        done = _attempt(partial(_do, task, job, pipe, board))
        board.write(NOWHERE)
        pipe.send(done)


def _do(task: ShardTask, job: Job, pipe: Connection, board: Board) -> Done:
    if job.probe is None:
        on_step = _StepReporter(pipe, board, len(job.plan.refs))
        report = task.make(job.plan, on_step)
        on_step.flush()
        return Done(report)
    board.write(job.probe)
    task.probe(job.plan, job.probe)
    return Done(None)


def _attempt(step: Callable[[], Any]) -> Any:
    """Runs a step and returns its result or a `Failed`; ends the process if memory runs out."""
    try:
        return step()
    except UnmaskError as error:
        return Failed(error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception:  # noqa: BLE001 - any error is sent to the parent and ends the run
        return Failed(RuntimeError(traceback.format_exc()))
