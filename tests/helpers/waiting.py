"""Waits for events instead of seconds, so that the tests also hold on a machine busy with other work."""

import os
import time
from collections.abc import Callable
from pathlib import Path

HANG_GUARD = (
    300.0  # seconds after which a wait has failed; no passing test comes near it, nothing measures by it
)
POLL_SECONDS = 0.005


def wait_for(true: Callable[[], object], seconds: float = HANG_GUARD) -> None:
    """Waits until `true()` holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(POLL_SECONDS)


def own_seconds_until(true: Callable[[], object]) -> float:
    """Waits busily until `true()` holds, and returns the processor time that this thread got meanwhile.

    With a free core that is the elapsed time. When other programs keep all cores busy, this thread is slowed down as
    much as the process it waits for, so that a limit in seconds means the same on a busy machine.
    """
    began, deadline = time.thread_time(), time.monotonic() + HANG_GUARD
    while not true():
        assert time.monotonic() < deadline, "the condition did not become true"
    return time.thread_time() - began


def children_of(parent: int) -> list[int]:
    """Lists the process ids of a process's children (Linux); none if the process is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def is_alive(process: int) -> bool:
    """Returns whether a process exists and is no zombie (Linux)."""
    return bool(_stat(process)) and _stat(process)[0] != "Z"


def cpu_seconds(process: int) -> float:
    """Returns the processor time that a process has used (Linux); 0 if it is gone."""
    stat = _stat(process)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if stat else 0.0


def _stat(process: int) -> list[str]:
    """Reads the fields of /proc/PID/stat that follow the name; state first."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Watch:
    """Lets a test see which photos have begun in which worker, and hold a worker at a photo.

    Args:
        folder: where test and workers meet; the workers find it in `env`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._log = folder, folder / "log"
        self.env = {"FAKE_WATCH": str(folder)}

    def begin(self, photo: str) -> None:
        """Notes in a worker that a photo has begun, and waits there while the photo is held."""
        with self._log.open("a") as log:
            log.write(
                f"{os.getpid()} {photo}\n"
            )  # one write at the end of the file: lines of workers do not mix
        while self.holds(photo):
            time.sleep(POLL_SECONDS)

    def hold(self, photo: str) -> None:
        """Makes workers wait in this photo until `let_go`."""
        self._mark(photo).touch()

    def let_go(self, photo: str) -> None:
        """Ends `hold`."""
        self._mark(photo).unlink()

    def holds(self, photo: str) -> bool:
        """Returns whether workers wait in this photo."""
        return self._mark(photo).exists()

    def begun(self) -> list[tuple[int, str]]:
        """Lists the photos that have begun, a repeated one again: process, photo."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [(int(process), photo) for process, _, photo in (line.partition(" ") for line in lines)]

    def last(self) -> dict[int, str]:
        """Returns the photo that began last in each worker, by process."""
        return dict(self.begun())

    def _mark(self, photo: str) -> Path:
        return self._folder / photo.replace("/", "-")
