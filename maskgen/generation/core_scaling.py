"""What several cores of this machine give at best: a loop that needs no memory, once and several times at once.

Cores that a virtual machine shows may share a real one, and a clock that falls when both are busy: no program then
gains by a second process what its number promises.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

RUNS = 3  # with each number of processes; the best counts
_LOOP = """
import sys, time
sys.stdin.readline()
end, rounds = time.perf_counter() + float(sys.argv[1]), 0
while time.perf_counter() < end:
    sum(range(10_000))
    rounds += 1
print(rounds)
"""


def core_scaling(jobs: int, seconds: float = 1.0) -> float:
    """Measures how many times the work of one process `jobs` processes do, on work that needs only a core.

    Args:
        jobs: > 0.
        seconds: that each of them works.
    """
    most = {1: 0, jobs: 0}
    for _ in range(RUNS):
        for count in most:
            most[count] = max(most[count], _rounds(count, seconds))
    return most[jobs] / most[1]


def _rounds(count: int, seconds: float) -> int:
    """Counts the rounds of a loop in several processes at once, all together."""
    with ExitStack() as held:
        loops = [held.enter_context(_loop(seconds)) for _ in range(count)]
        for loop in loops:  # when all have been started
            assert loop.stdin is not None
            loop.stdin.write(b"\n")
            loop.stdin.flush()
        return sum(int(loop.communicate()[0]) for loop in loops)


@contextmanager
def _loop(seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a process that waits for a line, then works; it ends with its `with`."""
    command = [sys.executable, "-c", _LOOP, str(seconds)]
    # In a session of its own a terminal's Ctrl-C does not reach it: it is ended here, and has nothing to say.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as loop:
        try:
            yield loop
        finally:
            loop.kill()
            loop.wait()
