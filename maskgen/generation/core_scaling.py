"""Best possible speed-up by several cores: a loop that needs no memory, in one process and in several.

Cores of a virtual machine may share a physical core, and the clock rate may fall when several cores are busy. Then no
program gets faster in proportion to the number of processes.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

RUNS = 3  # runs with each number of processes; the best counts
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
    """Measures the speed-up by `jobs` processes over one, on work that needs only a core.

    Args:
        jobs: number of processes, at least 1.
        seconds: duration of each run.

    Returns:
        Work of `jobs` processes / work of one process.
    """
    most = {1: 0, jobs: 0}
    for _ in range(RUNS):
        for count in most:
            most[count] = max(most[count], _rounds(count, seconds))
    return most[jobs] / most[1]


def _rounds(count: int, seconds: float) -> int:
    """Counts the rounds of the loop in `count` simultaneous processes, in total."""
    with ExitStack() as held:
        loops = [held.enter_context(_loop(seconds)) for _ in range(count)]
        for loop in loops:  # after all have been started
            assert loop.stdin is not None
            loop.stdin.write(b"\n")
            loop.stdin.flush()
        return sum(int(loop.communicate()[0]) for loop in loops)


@contextmanager
def _loop(seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a process that waits for a line and then works; it is killed on exit from the context."""
    command = [sys.executable, "-c", _LOOP, str(seconds)]
    # In its own session it gets no Ctrl-C from a terminal: it is killed below and prints no traceback.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as loop:
        try:
            yield loop
        finally:
            loop.kill()
            loop.wait()
