"""A worker process: makes the shards it is given, says where it is, and never outlives its parent.

It is given a `Task` first, then one `Job` after another. What it says: `Ready` when the task is prepared; for each job
a `Step` before every photo, then `Done`; or `Failed`.
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Protocol, runtime_checkable

from maskgen.errors import UnmaskError
from maskgen.plan import ShardPlan
from maskgen.records import ShardReport

Outcome = (
    int | str | None
)  # samples of the photo before, or the reason why there are none; None before the first
Tell = Callable[[int, Outcome], None]
OUT_OF_MEMORY = 77  # exit code: the photo in work asked for more memory than there is
_PR_SET_PDEATHSIG = 1


@runtime_checkable
class Task(Protocol):
    """What is done to a shard. Pickled to the workers; pure, so that any of them may do it, and do it again."""

    def prepare(self) -> None:
        """Load what all jobs need."""

    def make(self, plan: ShardPlan, tell: Tell) -> ShardReport:
        """Make a shard; `tell(i, outcome of photo i - 1)` before photo i, and once after the last."""

    def probe(self, plan: ShardPlan, index: int) -> None:
        """Do all that `make` does with one photo, and keep nothing."""


@dataclass(frozen=True)
class Job:
    """A shard to make, or one photo of it to try alone."""

    plan: ShardPlan
    probe: int | None = None


@dataclass(frozen=True)
class Ready:
    """The worker has loaded what it needs and waits for a job."""


@dataclass(frozen=True)
class Step:
    """The worker begins photo `index`, or is through with all; `outcome` is that of the photo before."""

    index: int
    outcome: Outcome


@dataclass(frozen=True)
class Done:
    """The job is done; a probe has no report."""

    report: ShardReport | None


@dataclass(frozen=True)
class Failed:
    """The job cannot be done by any worker: a full disk, or a mistake of ours with its traceback."""

    error: Exception


def main(descriptor: int, parent: int) -> None:
    """Take the task, then serve jobs, until the parent closes the pipe."""
    # Ctrl-C reaches the whole process group, and so may a SIGTERM: the parent alone decides what follows.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    _die_with(parent)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone or wants no more
        _serve(Connection(descriptor))


def _serve(pipe: Connection) -> None:
    import cv2  # here, so that the parent, which reads this file too, need not load it

    cv2.setNumThreads(1)
    task: Task = pipe.recv()
    failed = _attempt(task.prepare)
    gc.freeze()  # what is loaded stays: it need not be looked at again and again for what can go
    pipe.send(failed or Ready())
    while not failed:
        job: Job = pipe.recv()
        pipe.send(_attempt(partial(_do, task, job, pipe)))


def _do(task: Task, job: Job, pipe: Connection) -> Done:
    if job.probe is None:
        return Done(task.make(job.plan, lambda index, outcome: pipe.send(Step(index, outcome))))
    pipe.send(Step(job.probe, None))
    task.probe(job.plan, job.probe)
    return Done(None)


def _attempt(step: Callable[[], Any]) -> Any:
    """The result of a step, or how it failed. Out of memory, a worker says nothing more and ends."""
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
    """End this process when its parent ends, however that ends and whatever this one is doing."""
    if sys.platform == "linux":  # at once, by the kernel, even inside a decoder that never returns
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(0.5)
    os._exit(1)
